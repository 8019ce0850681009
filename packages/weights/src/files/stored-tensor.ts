/** Tensors that are still in a file. */
import type { SafetensorsData, SafetensorsTensor } from '@tessera/tensor/safetensors';

/** A tensor in a file. */
export interface StoredTensor extends Omit<SafetensorsTensor, 'data'> {
  /** Reads the values. @throws if they cannot be read; the message contains the path */
  read(): SafetensorsData;
  /** The same, in an array that the next call of any tensor may use again. Absent where nothing is gained by it. */
  borrow?(): SafetensorsData;
}

/** The tensors of a file by name. */
export interface StoredTensors {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Metadata of a safetensors file; empty for other files. */
  readonly metadata: Readonly<Record<string, string>>;
  /** What a user should know about how they were found, a sentence each. */
  readonly notes?: readonly string[];
  /** The keys of a checkpoint of which each contains a model; empty if there is no choice. */
  readonly choices?: readonly string[];
}

/** How a message tells the user to choose a part of a file. */
export const chooseWith = 'choose with --weights-key KEY (setting initialize.key)';

/** The tensors whose names start with a key and a dot, under the rest of their names; null if there are none. */
export function belowKey<T>(tensors: ReadonlyMap<string, T>, key: string): Map<string, T> | null {
  const prefix = `${key.replace(/\.$/, '')}.`;
  const below = [...tensors].filter(([name]) => name.startsWith(prefix));
  return below.length === 0 ? null : new Map(below.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}

/** A tensor whose values are in memory. */
export const storedInMemory = ({ dtype, shape, data }: SafetensorsTensor): StoredTensor => ({
  ...{ dtype, shape },
  read: () => data,
});
