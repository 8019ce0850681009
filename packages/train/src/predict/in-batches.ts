/** Applies a model to any number of images or texts, a few at a time. */
import type { Module } from '@tessera/nn';
import { type Tensor, type TypedArray, tensor, tidy } from '@tessera/tensor';
import { joinArrays, whileInEvaluationMode } from '../evaluation/encoder.ts';

/** Examples that a model sees at the same time. */
const batchSize = 32;

/**
 * Calls `forward` with batches of examples [B, ...shape], in evaluation mode.
 *
 * @param examples row-major [N, ...shape]
 * @returns what `forward` returned for each batch, in order
 */
export const inBatches = <T>(
  model: Module,
  examples: TypedArray,
  shape: readonly number[],
  forward: (batch: Tensor) => Promise<T>,
): Promise<T[]> =>
  whileInEvaluationMode(model, async () => {
    const size = shape.reduce((product, n) => product * n, 1);
    const results: T[] = [];
    for (let first = 0; first < examples.length; first += batchSize * size) {
      const part = examples.slice(first, first + batchSize * size);
      results.push(await tidy(() => forward(tensor(part, { shape: [part.length / size, ...shape] }))));
    }
    return results;
  });

/** As `inBatches`, for a tensor of numbers for each batch: the values of all, row-major [N, ...]. */
export const valuesInBatches = async (
  model: Module,
  examples: TypedArray,
  shape: readonly number[],
  forward: (batch: Tensor) => Tensor,
): Promise<Float32Array> =>
  joinArrays(await inBatches(model, examples, shape, async (batch) => (await forward(batch).data()) as Float32Array));
