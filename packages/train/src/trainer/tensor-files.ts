import { readFile } from 'node:fs/promises';
import {
  type DType,
  isFloat,
  parseSafetensors,
  type SafetensorsDType,
  type SafetensorsEntry,
  type SafetensorsTensor,
  safetensorsChunks,
  type Tensor,
  type TypedArray,
  tensor,
} from '@tessera/tensor';
import { writeFileAtomic } from '../io/atomic.ts';
import { errorCode } from '../io/file-system.ts';

const fileDTypes = { f32: 'F32', f64: 'F64', i32: 'I32', u8: 'U8', bool: 'BOOL' } as const satisfies Record<
  DType,
  SafetensorsDType
>;

/**
 * Writes tensors by name to a safetensors file, whole or not at all.
 *
 * @throws before anything is written where a value is infinite or NaN; the message names the tensor
 */
export async function writeTensors(
  path: string,
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const entries: SafetensorsEntry[] = [];
  for (const [name, tensor] of tensors) {
    const { dtype, shape } = tensor;
    const data = await tensor.data();
    if (isFloat(dtype)) requireFinite(path, name, data);
    entries.push({ name, dtype: fileDTypes[dtype], shape, data });
  }
  await writeFileAtomic(path, safetensorsChunks(entries, metadata));
}

function requireFinite(path: string, name: string, values: TypedArray): void {
  const at = values.findIndex((value: number) => !Number.isFinite(value));
  if (at >= 0)
    throw new Error(
      `${path}: not written, because ${name} is not finite (element ${at} of ${values.length} is ${values[at]}); earlier checkpoints are untouched`,
    );
}

/** A safetensors file as tensors on the default backend, made when they are asked for. */
export interface TensorFile {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly names: readonly string[];
  /** The tensors of which `choose` gives a name, under that name. */
  select(choose: (name: string) => string | null): Map<string, Tensor>;
}

/** Reads a safetensors file. @throws where it is missing or damaged; the message names the path and the fault. */
export async function readTensors(path: string): Promise<TensorFile> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    const reason = errorCode(cause) === 'ENOENT' ? 'there is no such file' : (cause as Error).message;
    throw new Error(`${path}: ${reason}`, { cause });
  });
  let parsed: ReturnType<typeof parseSafetensors>;
  try {
    parsed = parseSafetensors(bytes);
  } catch (cause) {
    throw new Error(`${path}: ${(cause as Error).message}`, { cause });
  }
  return {
    path,
    metadata: parsed.metadata,
    names: [...parsed.tensors.keys()],
    select(choose) {
      const chosen = new Map<string, Tensor>();
      for (const [name, stored] of parsed.tensors) {
        const target = choose(name);
        if (target !== null) chosen.set(target, toTensor(path, name, stored));
      }
      return chosen;
    },
  };
}

/** Integers of 64 bits, as PyTorch's BatchNorm counts batches with, become i32; half precision becomes f32. */
function toTensor(path: string, name: string, { dtype, shape, data }: SafetensorsTensor): Tensor {
  switch (dtype) {
    case 'F64':
      return tensor(data as Float64Array, { shape });
    case 'F32':
    case 'F16':
    case 'BF16':
      return tensor(data as Float32Array, { shape });
    case 'I32':
      return tensor(data as Int32Array, { shape });
    case 'U8':
      return tensor(data as Uint8Array, { shape });
    case 'BOOL':
      return tensor(data as Uint8Array, { shape, dtype: 'bool' });
    case 'I64':
    case 'U64':
      return tensor(Int32Array.from(data as BigInt64Array, Number), { shape });
    case 'I8':
    case 'I16':
    case 'U16':
    case 'U32':
      throw new Error(`${path}: ${name} is ${dtype}, which no model here has`);
    default:
      return dtype satisfies never;
  }
}
