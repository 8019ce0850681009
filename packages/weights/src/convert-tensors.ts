/** Conversion of weight files to safetensors, without knowing the model. */
import { sizeOf } from '@tessera/tensor';
import { openWeightFile } from './read-weight-file.ts';
import { wholeTensor } from './safetensors/write-stored.ts';
import { writeSharded } from './shards/write-shards.ts';
import type { WeightFileOptions } from './torch/torch-file.ts';

export interface ConvertedTensors {
  readonly tensors: number;
  /** The elements of all tensors together. */
  readonly numbers: number;
  /** Paths of the files written. */
  readonly files: readonly string[];
  /** What a user should know about how the tensors were found, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Writes the tensors of a file of any model as safetensors. Names and element types are unchanged.
 *
 * @param maxShardSize the size of the tensors in a file, in bytes; larger models become several files and an index. Default: one file
 * @throws like `readWeightFile`
 */
export async function convertTensors(
  from: string,
  to: string,
  options: WeightFileOptions & { readonly maxShardSize?: number } = {},
): Promise<ConvertedTensors> {
  const { tensors, notes = [] } = await openWeightFile(from, options);
  const entries = [...tensors].map(([name, { dtype, shape, read }]) => wholeTensor({ name, dtype, shape }, read));
  const limit = options.maxShardSize ?? Number.POSITIVE_INFINITY;
  const files = await writeSharded(to, entries, { format: 'pt' }, limit);
  const numbers = entries.reduce((total, { shape }) => total + sizeOf(shape), 0);
  return { tensors: entries.length, numbers, files, notes };
}
