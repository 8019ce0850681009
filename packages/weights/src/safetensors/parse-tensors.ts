/** Named tensors of files, and safetensors files that are in memory. */
import { type BigIntArray, int32FromBigInts, type Tensor, tensor, tensorFrom } from '@tessera/tensor';
import { parseSafetensors } from '@tessera/tensor/safetensors';
import { type StoredTensor, type StoredTensors, storedInMemory } from '../files/stored-tensor.ts';

/** A file of named tensors. Tensors are created on the default backend when they are selected. */
export interface TensorFile {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly names: readonly string[];
  /** What a user should know about how the tensors were found, a sentence each. */
  readonly notes: readonly string[];
  /** The keys of a checkpoint of which each contains a model; empty if there is no choice. */
  readonly choices: readonly string[];
  /** Creates tensors. @param choose returns the name under which a tensor is returned, or null to leave it out */
  select(choose: (name: string) => string | null): Map<string, Tensor>;
}

/** Parses the bytes of a safetensors file. @throws if it is damaged; the message contains the path and the reason. */
export function parseTensors(bytes: Uint8Array, path: string): TensorFile {
  let parsed: ReturnType<typeof parseSafetensors>;
  try {
    parsed = parseSafetensors(bytes);
  } catch (cause) {
    throw new Error(`${path}: ${(cause as Error).message}`, { cause });
  }
  const tensors = new Map([...parsed.tensors].map(([name, tensor]) => [name, storedInMemory(tensor)]));
  return tensorFile({ path, tensors, metadata: parsed.metadata });
}

/** Stored tensors as a `TensorFile`. */
export const tensorFile = ({ path, tensors, metadata, notes = [], choices = [] }: StoredTensors): TensorFile => ({
  ...{ path, metadata, notes, choices },
  names: [...tensors.keys()],
  select(choose) {
    const chosen = new Map<string, Tensor>();
    for (const [name, value] of tensors) {
      const target = choose(name);
      if (target !== null) chosen.set(target, toTensor(path, name, value));
    }
    return chosen;
  },
});

/**
 * 64-bit integers, which PyTorch's BatchNorm uses to count batches, become i32, and must fit; so do shorter ones. Half precision becomes
 * f32. Other values are read from the file at their first use: if they are loaded into a model, directly into the model's memory.
 */
function toTensor(path: string, name: string, stored: StoredTensor): Tensor {
  const { dtype, shape } = stored;
  // A tensor copies the values of its source at once.
  const read = stored.borrow ?? stored.read;
  switch (dtype) {
    case 'F64':
      return tensorFrom(() => read() as Float64Array, { shape, dtype: 'f64' });
    case 'F32':
    case 'F16':
    case 'BF16':
      return tensorFrom(() => read() as Float32Array, { shape });
    case 'I32':
      return tensorFrom(() => read() as Int32Array, { shape, dtype: 'i32' });
    case 'U8':
      return tensorFrom(() => read() as Uint8Array, { shape, dtype: 'u8' });
    case 'BOOL':
      return tensor(stored.read() as Uint8Array, { shape, dtype: 'bool' });
    case 'I64':
    case 'U64':
      return tensor(int32FromBigInts(stored.read() as BigIntArray, `${path}: ${name}`), { shape });
    case 'I8':
    case 'I16':
    case 'U16':
      return tensorFrom(() => Int32Array.from(stored.read() as Int16Array), { shape, dtype: 'i32' });
    case 'U32':
      throw new Error(`${path}: ${name} has the type ${dtype}, which is not supported`);
    default:
      return dtype satisfies never;
  }
}
