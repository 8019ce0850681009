/** Weights of classes for losses, from the number of images that each class has. */
import type { Split } from '@tessera/data';
import { type Tensor, tensor } from '@tessera/tensor';
import { type ClassLossSettings, defaultBeta } from './class-loss-settings.ts';

/** The number of rows of each class, by the column's class or list of classes. */
export async function classCounts(split: Split, column: string, classes: number): Promise<Float64Array> {
  const counts = new Float64Array(classes);
  for await (const { count, value } of split.scan([column]))
    for (let k = 0; k < count; k++)
      for (const c of new Set([value(0, k)].flat()))
        if (typeof c === 'number' && c >= 0 && c < classes) counts[c] = (counts[c] ?? 0) + 1;
  return counts;
}

const sum = (values: Iterable<number>): number => Array.from(values).reduce((total, value) => total + value, 0);

/**
 * n / (k n_c), with the number n of rows and the number k of classes that have any: scikit-learn's `balanced`. Classes without rows have
 * weight 1, which matters only to label smoothing.
 */
export function balancedClassWeights(counts: Float64Array): Float64Array {
  const classes = counts.filter((count) => count > 0).length;
  const rows = sum(counts);
  return counts.map((count) => (count > 0 ? rows / (classes * count) : 1));
}

/**
 * (1 - beta) / (1 - beta^n_c), scaled to a mean of 1 over the classes that have rows: one over the effective number of rows (Cui et al.
 * 2019, equation 4). Classes without rows have weight 1.
 *
 * @param beta from 0 (no weights) to below 1 (towards `balancedClassWeights`)
 */
export function effectiveNumberWeights(counts: Float64Array, beta: number): Float64Array {
  const weights = counts.map((count) => (count > 0 ? (1 - beta) / (1 - beta ** count) : 0));
  const mean = sum(weights) / counts.filter((count) => count > 0).length;
  return weights.map((weight) => (weight > 0 ? weight / mean : 1));
}

/** Weights by the names of classes; 1 for the others. @throws where a name is not that of a class */
export function namedClassWeights(
  weights: Readonly<Record<string, number>>,
  classNames: readonly string[],
): Float64Array {
  const unknown = Object.keys(weights).filter((name) => !classNames.includes(name));
  if (unknown.length > 0)
    throw new Error(
      `loss.classWeights: there is no class ${unknown.map((name) => JSON.stringify(name)).join(', ')}; the classes are ${classNames.join(', ')}`,
    );
  return Float64Array.from(classNames, (name) => weights[name] ?? 1);
}

/** The column of a split with its classes. */
export interface ClassColumn {
  readonly split: Split;
  readonly column: string;
  readonly classNames: readonly string[];
}

/** The weights that the settings ask for, f32 [classes]; null: none. @throws for the name of no class, and a beta that is not used */
export async function classWeightsOf(
  { classWeights, effectiveNumberBeta }: Pick<ClassLossSettings, 'classWeights' | 'effectiveNumberBeta'>,
  { split, column, classNames }: ClassColumn,
): Promise<Tensor | null> {
  if (effectiveNumberBeta !== defaultBeta && classWeights !== 'effectiveNumber')
    throw new Error(
      `loss.effectiveNumberBeta is ${effectiveNumberBeta}, but loss.classWeights is not effectiveNumber, so it would have no effect`,
    );
  if (classWeights === null) return null;
  const counts = (): Promise<Float64Array> => classCounts(split, column, classNames.length);
  const weights =
    classWeights === 'balanced'
      ? balancedClassWeights(await counts())
      : classWeights === 'effectiveNumber'
        ? effectiveNumberWeights(await counts(), effectiveNumberBeta)
        : namedClassWeights(classWeights, classNames);
  return tensor(Float32Array.from(weights));
}
