/** Applies a model to any number of images or texts, a few at a time. */
import type { Module } from '@tessera/nn';
import { type Tensor, type TypedArray, tensor, tidy } from '@tessera/tensor';
import { fillBatch, joinArrays, whileInEvaluationMode } from '../evaluation/encoder.ts';

/**
 * Sizes of batches. The last batch is filled up to the next size, so that a few programs suffice. There is no batch of one: its axis would
 * be dropped, and sums run in another order than in all other batches. With Transformers and ResNets of usual widths, a result then has the
 * same bits in every batch; very narrow ones can differ in the last bits, because the memory layout follows from the sizes.
 */
const batchSizes = [2, 4, 6, 8, 12, 16, 24, 32] as const;
const largest = 32;

/**
 * Calls `forward` with batches of examples [B, ...shape], in evaluation mode.
 *
 * @param examples row-major [N, ...shape]
 * @param forward only its first `kept` results are of examples, the others are of copies
 * @returns what `forward` returned for each batch, in order
 */
export const inBatches = <T>(
  model: Module,
  examples: TypedArray,
  shape: readonly number[],
  forward: (batch: Tensor, kept: number) => Promise<T>,
): Promise<T[]> =>
  whileInEvaluationMode(model, async () => {
    const size = shape.reduce((product, n) => product * n, 1);
    const results: T[] = [];
    for (let first = 0; first < examples.length; first += largest * size) {
      const part = examples.slice(first, first + largest * size);
      const kept = part.length / size;
      const filled = batchSizes.find((one) => one >= kept) ?? largest;
      const batch = fillBatch(part, size, filled);
      results.push(await tidy(() => forward(tensor(batch, { shape: [filled, ...shape] }), kept)));
    }
    return results;
  });

/** As `inBatches`, for a tensor [B, ...] of numbers for each batch: the values of all, row-major [N, ...]. */
export const valuesInBatches = async (
  model: Module,
  examples: TypedArray,
  shape: readonly number[],
  forward: (batch: Tensor) => Tensor,
): Promise<Float32Array> =>
  joinArrays(
    await inBatches(model, examples, shape, async (batch, kept) => {
      const values = (await forward(batch).data()) as Float32Array;
      return values.subarray(0, (values.length / (batch.shape[0] ?? 1)) * kept);
    }),
  );
