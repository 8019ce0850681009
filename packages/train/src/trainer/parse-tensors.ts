import { parseSafetensors, type SafetensorsTensor, type Tensor, tensor } from '@tessera/tensor';

/** A file of tensors by name, on the default backend, made when they are asked for. */
export interface TensorFile {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly names: readonly string[];
  /** The tensors of which `choose` gives a name, under that name. */
  select(choose: (name: string) => string | null): Map<string, Tensor>;
}

/** Parses a whole safetensors file. @throws where it is damaged; the message names the path and the fault. */
export function parseTensors(bytes: Uint8Array, path: string): TensorFile {
  let parsed: ReturnType<typeof parseSafetensors>;
  try {
    parsed = parseSafetensors(bytes);
  } catch (cause) {
    throw new Error(`${path}: ${(cause as Error).message}`, { cause });
  }
  return tensorFile(path, parsed.tensors, parsed.metadata);
}

/** Stored tensors as a `TensorFile`. */
export const tensorFile = (
  path: string,
  stored: ReadonlyMap<string, SafetensorsTensor>,
  metadata: Readonly<Record<string, string>> = {},
): TensorFile => ({
  path,
  metadata,
  names: [...stored.keys()],
  select(choose) {
    const chosen = new Map<string, Tensor>();
    for (const [name, value] of stored) {
      const target = choose(name);
      if (target !== null) chosen.set(target, toTensor(path, name, value));
    }
    return chosen;
  },
});

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
