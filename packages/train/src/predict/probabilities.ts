/** Logits to named probabilities. */
import { sigmoid, softmax } from '../evaluation/probabilities.ts';
import { rowAt } from '../evaluation/retrieval/products.ts';
import type { NamedProbability, Prediction } from './prediction.ts';

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
