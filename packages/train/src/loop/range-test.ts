/** The arithmetic of a learning-rate range test: rates, smoothed losses, and the rate that they suggest. */

/** How a range test goes through the learning rates. */
export interface RangeTestOptions {
  /** The rate of the first step. */
  readonly minLr: number;
  /** The rate of the last step. */
  readonly maxLr: number;
  readonly steps: number;
  /** Share of the running mean of the loss that a step keeps. */
  readonly beta: number;
  /** The test ends when the smoothed loss is more than this many times its smallest value so far. */
  readonly divergence: number;
}

/**
 * The rates and the number of steps of fast.ai's `lr_find`, and the divergence of Lightning's finder. Both have a beta of 0.98, whose mean is
 * over about half of the steps: the smoothed loss then follows the loss by decades of rates.
 */
export const defaultRangeTest: RangeTestOptions = { minLr: 1e-7, maxLr: 10, steps: 100, beta: 0.9, divergence: 4 };

/** @throws RangeError that names the option */
export function checkRangeTest({ minLr, maxLr, steps, beta, divergence }: RangeTestOptions): void {
  if (!(minLr > 0 && minLr < maxLr && maxLr < Number.POSITIVE_INFINITY))
    throw new RangeError(`range test: the rates must be above 0 and in ascending order, got ${minLr} and ${maxLr}`);
  if (!(Number.isInteger(steps) && steps >= 10))
    throw new RangeError(`range test: the number of steps must be a whole number from 10 on, got ${steps}`);
  if (!(beta >= 0 && beta < 1)) throw new RangeError(`range test: beta must be in [0, 1), got ${beta}`);
  if (!(divergence > 1)) throw new RangeError(`range test: divergence must be above 1, got ${divergence}`);
}

/** The rate of a step, from 0: minLr (maxLr / minLr)^(step / (steps - 1)). */
export const rangeTestRate = (step: number, { minLr, maxLr, steps }: RangeTestOptions): number =>
  minLr * (maxLr / minLr) ** (step / (steps - 1));

/** A step of a range test. */
export interface RangeTestPoint {
  readonly lr: number;
  readonly loss: number;
  /** Running mean of the losses so far, with bias correction. */
  readonly smoothed: number;
}

/** The points of a test as its losses come in. */
export class RangeTestCurve {
  readonly options: RangeTestOptions;
  readonly points: RangeTestPoint[] = [];
  #mean = 0;
  #smallest = Number.POSITIVE_INFINITY;

  constructor(options: RangeTestOptions) {
    checkRangeTest(options);
    this.options = options;
  }

  /** The rate of the next step; null after the last one. */
  get nextRate(): number | null {
    const { length } = this.points;
    return length < this.options.steps ? rangeTestRate(length, this.options) : null;
  }

  /** Takes the loss of the step at `nextRate`. Returns whether the loss diverges: then the test is over. */
  add(loss: number): boolean {
    const { beta, divergence } = this.options;
    const lr = this.nextRate;
    if (lr === null) throw new RangeError(`range test: all ${this.options.steps} steps are done`);
    if (!Number.isFinite(loss)) return true;
    this.#mean = beta * this.#mean + (1 - beta) * loss;
    const smoothed = this.#mean / (1 - beta ** (this.points.length + 1));
    this.points.push({ lr, loss, smoothed });
    const diverges = smoothed > divergence * this.#smallest;
    this.#smallest = Math.min(this.#smallest, smoothed);
    return diverges;
  }
}

/** A place that suggests a rate. */
export interface RangeTestSuggestion {
  readonly lr: number;
  /** The place among the points. */
  readonly index: number;
}

/**
 * The rate at which the smoothed loss falls fastest, as fast.ai's `steep` and Lightning's `suggestion`: the smallest of its derivatives by
 * central differences (numpy.gradient, torch.gradient). The rates are equally spaced on a logarithmic scale, so this is the derivative by
 * the logarithm of the rate. Null where there are too few points, or the loss falls nowhere.
 *
 * @param skipBegin the first points do not count: too few losses are behind their means
 * @param skipEnd the last points do not count: there the loss diverges
 */
export function suggestRate(
  points: readonly RangeTestPoint[],
  { skipBegin = 10, skipEnd = 1 }: { readonly skipBegin?: number; readonly skipEnd?: number } = {},
): RangeTestSuggestion | null {
  const losses = points.slice(skipBegin, points.length - skipEnd).map(({ smoothed }) => smoothed);
  if (losses.length < 2) return null;
  const slopes = centralDifferences(losses);
  const steepest = Math.min(...slopes);
  if (!(steepest < 0)) return null;
  const index = slopes.indexOf(steepest) + skipBegin;
  return { lr: (points[index] as RangeTestPoint).lr, index };
}

/** The rate with the lowest smoothed loss, of which a tenth is fast.ai's other suggestion. Null without points. */
export function lowestLoss(points: readonly RangeTestPoint[]): RangeTestSuggestion | null {
  const lowest = Math.min(...points.map(({ smoothed }) => smoothed));
  const index = points.findIndex(({ smoothed }) => smoothed === lowest);
  return index < 0 ? null : { lr: (points[index] as RangeTestPoint).lr, index };
}

/** A range test that was made. */
export interface RangeTest {
  readonly options: RangeTestOptions;
  /** The steps, in order. The last ones are missing if the loss diverged or the test was stopped. */
  readonly points: readonly RangeTestPoint[];
  /** Why the test ended. */
  readonly ended: 'complete' | 'diverged' | 'stopped';
  /** Where the smoothed loss falls fastest; null where it falls nowhere. */
  readonly suggestion: RangeTestSuggestion | null;
  /** Where the smoothed loss is lowest; null without steps. */
  readonly lowest: RangeTestSuggestion | null;
}

/** Derivatives of equally spaced values: differences of the neighbors, at the ends of the value and its neighbor. */
function centralDifferences(values: readonly number[]): number[] {
  const at = (k: number): number => values[k] as number;
  const last = values.length - 1;
  return values.map((_, k) => {
    const [before, after] = [Math.max(0, k - 1), Math.min(last, k + 1)];
    return (at(after) - at(before)) / (after - before);
  });
}
