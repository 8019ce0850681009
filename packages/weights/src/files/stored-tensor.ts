/** Tensors that are still in a file. */
import type { SafetensorsData, SafetensorsTensor } from '@tessera/tensor/safetensors';

/** A tensor in a file. */
export interface StoredTensor extends Omit<SafetensorsTensor, 'data'> {
  /** Reads the values. @throws if they cannot be read; the message contains the path */
  read(): SafetensorsData;
}

/** The tensors of a file by name. */
export interface StoredTensors {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Metadata of a safetensors file; empty for other files. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A tensor whose values are in memory. */
export const storedInMemory = ({ dtype, shape, data }: SafetensorsTensor): StoredTensor => ({
  ...{ dtype, shape },
  read: () => data,
});
