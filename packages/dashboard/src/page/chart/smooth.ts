/** Smoothing of curves. */

/** The shown part of the x-axis is taken to have this many places: the meaning of a smoothing weight does not depend on how many points a curve has. */
const placesOfView = 1000;

/**
 * Exponential moving average over the x-axis, to both sides: the weight of other values shrinks by the factor `weight` for each thousandth
 * of the width. Looking to both sides, it does not lag behind a curve that falls. Divided by the sum of the weights, so that it is not
 * drawn towards zero at the ends. Gaps stay gaps.
 *
 * @param weight from 0 (the values themselves) to below 1 @param width of the shown part of the axis
 */
export function smoothed(
  x: readonly number[],
  y: readonly (number | null)[],
  weight: number,
  width: number,
): readonly (number | null)[] {
  if (weight === 0 || !(width > 0)) return y;
  const sums = new Float64Array(y.length);
  const weights = new Float64Array(y.length);
  const pass = (from: number, direction: 1 | -1): void => {
    let [sum, total] = [0, 0];
    let last: number | null = null;
    for (let k = from; k >= 0 && k < y.length; k += direction) {
      const value = y[k] ?? null;
      if (value === null) continue;
      const place = x[k] ?? 0;
      const decay: number = last === null ? 0 : weight ** (Math.abs((place - last) / width) * placesOfView);
      last = place;
      sums[k] = (sums[k] as number) + decay * sum;
      weights[k] = (weights[k] as number) + decay * total;
      sum = decay * sum + value;
      total = decay * total + 1;
    }
  };
  pass(0, 1);
  pass(y.length - 1, -1);
  return y.map((value, k) => (value === null ? null : (value + (sums[k] as number)) / (1 + (weights[k] as number))));
}

/** The weight for a smoothing that people choose, from 0 to 1: equal distances look like equal differences. */
export const weightOf = (smoothing: number): number => (smoothing === 0 ? 0 : 1 - (1 - smoothing) ** 3);
