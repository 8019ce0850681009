import { parseSafetensors, type SafetensorsTensor, type Tensor, tensorFrom } from '@tessera/tensor';

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

/**
 * Integers of 64 bits, as PyTorch's BatchNorm counts batches with, become i32; half precision becomes f32. A value is copied out of the
 * file's bytes where it is first used: into a model's own memory, if it is loaded into one.
 */
function toTensor(path: string, name: string, { dtype, shape, data }: SafetensorsTensor): Tensor {
  switch (dtype) {
    case 'F64':
      return tensorFrom(() => data as Float64Array, { shape, dtype: 'f64' });
    case 'F32':
    case 'F16':
    case 'BF16':
      return tensorFrom(() => data as Float32Array, { shape });
    case 'I32':
      return tensorFrom(() => data as Int32Array, { shape, dtype: 'i32' });
    case 'U8':
      return tensorFrom(() => data as Uint8Array, { shape, dtype: 'u8' });
    case 'BOOL':
      return tensorFrom(() => data as Uint8Array, { shape, dtype: 'bool' });
    case 'I64':
    case 'U64':
      return tensorFrom(() => Int32Array.from(data as BigInt64Array, Number), { shape, dtype: 'i32' });
    case 'I8':
    case 'I16':
    case 'U16':
    case 'U32':
      throw new Error(`${path}: ${name} is ${dtype}, which no model here has`);
    default:
      return dtype satisfies never;
  }
}
