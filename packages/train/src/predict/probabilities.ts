/** Logits to named probabilities. */
import { rowAt } from '../evaluation/retrieval/products.ts';
import type { NamedProbability, Prediction } from './prediction.ts';

/** The softmax of some logits: exp(x_i - m) / sum_j exp(x_j - m), m the largest. */
export function softmax(logits: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(logits);
  const largest = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const exponentials = values.map((value) => Math.exp(value - largest));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((value) => value / sum);
}

export const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));

/** The names with their probabilities, the most probable first; of equal ones in the order of `names`. */
export const ranked = (names: readonly string[], probabilities: ArrayLike<number>): NamedProbability[] =>
  names
    .map((name, k) => ({ name, probability: probabilities[k] ?? Number.NaN }))
    .sort((a, b) => b.probability - a.probability);

/** One of several classes for each image. @param logits row-major [N, classes] */
export const classPredictions = (logits: Float32Array, names: readonly string[]): Prediction[] =>
  Array.from({ length: logits.length / names.length }, (_, k) => ({
    kind: 'class',
    classes: ranked(names, softmax(rowAt(logits, k, names.length))),
  }));

/** Any number of classes for each image. @param logits row-major [N, classes] */
export const tagPredictions = (logits: Float32Array, names: readonly string[], threshold: number): Prediction[] =>
  Array.from({ length: logits.length / names.length }, (_, k) => ({
    kind: 'tags',
    classes: ranked(names, Array.from(rowAt(logits, k, names.length), sigmoid)),
    threshold,
  }));
