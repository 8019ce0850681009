/** Features of any number of texts, a few at a time. */
import type { Module } from '@tessera/nn';
import { type Tensor, tidy } from '@tessera/tensor';
import { joinArrays, whileInEvaluationMode } from '../evaluation/encoder.ts';

/** Texts that a model reads at the same time. */
const batchSize = 64;

/** Features of texts, row-major [N, E], not normalized. @param encode texts to features [N, E] */
export const encodeTexts = (
  model: Module,
  encode: (texts: readonly string[]) => Tensor,
  texts: readonly string[],
): Promise<Float32Array> =>
  whileInEvaluationMode(model, async () => {
    const parts: Float32Array[] = [];
    for (let first = 0; first < texts.length; first += batchSize) {
      const part = texts.slice(first, first + batchSize);
      parts.push((await tidy(() => encode(part).data())) as Float32Array);
    }
    return joinArrays(parts);
  });
