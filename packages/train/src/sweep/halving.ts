/**
 * Successive halving (Jamieson and Talwalkar 2016), one bracket of Hyperband (Li et al. 2018, JMLR 18, algorithm 1): all configurations
 * are trained for a few epochs, the best 1 / eta of them for eta times as many, and so on. It waits for all runs of a rung before it
 * promotes, so its result does not depend on how fast the runs are.
 */

/** How many configurations are trained, and up to which epoch, counted from the start of the run. */
export interface Rung {
  readonly configurations: number;
  readonly epochs: number;
}

export interface HalvingOptions {
  /** n: configurations of the first rung. */
  readonly configurations: number;
  /** Factor between rungs, for the configurations and for the epochs. */
  readonly eta: number;
  /** r: epochs of the first rung. */
  readonly minEpochs: number;
  /** R: epochs of the last rung, and length of the runs' schedules. */
  readonly maxEpochs: number;
}

/**
 * The rungs: in rung i there are floor(n / eta^i) configurations, and at least one, with r * eta^i epochs. The last is the largest i with
 * r * eta^i <= R, or that with one configuration, whichever comes first; it has R epochs.
 */
export function halvingRungs({ configurations, eta, minEpochs, maxEpochs }: HalvingOptions): Rung[] {
  const rungs: Rung[] = [];
  let [left, epochs] = [configurations, minEpochs];
  while (left > 1 && epochs * eta <= maxEpochs) {
    rungs.push({ configurations: left, epochs });
    left = Math.max(1, Math.floor(left / eta));
    epochs *= eta;
  }
  return [...rungs, { configurations: left, epochs: maxEpochs }];
}

/** Whether larger or smaller values of the metric are better. */
export type Mode = 'max' | 'min';

/** Positions of the values, best first; equal ones in their order, and null, which is no value, at the end. */
export function ranked(values: readonly (number | null)[], mode: Mode): number[] {
  const cost = (value: number | null | undefined): number =>
    value === null || value === undefined ? Number.POSITIVE_INFINITY : mode === 'max' ? -value : value;
  return values
    .map((_, position) => position)
    .sort((a, b) => {
      const [first, second] = [cost(values[a]), cost(values[b])];
      return first === second ? a - b : first < second ? -1 : 1;
    });
}

/** The configurations that reach the next rung, in their order: the best, of those that have a value. */
export const promoted = (values: readonly (number | null)[], count: number, mode: Mode): number[] =>
  ranked(values, mode)
    .filter((position) => values[position] !== null)
    .slice(0, count)
    .sort((a, b) => a - b);
