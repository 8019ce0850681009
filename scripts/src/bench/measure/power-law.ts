/** Fitting of power laws. */

export interface PowerLaw {
  /** y is proportional to x to this power. */
  readonly exponent: number;
  /** The largest |y / fit - 1| of all points. */
  readonly deviation: number;
}

/** Fits a power law by least squares on logarithms. All numbers must be positive. @throws RangeError without two different x */
export function fitPowerLaw(points: readonly { readonly x: number; readonly y: number }[]): PowerLaw {
  const logs = points.map(({ x, y }) => [Math.log(x), Math.log(y)] as const);
  const mean = (k: 0 | 1): number => logs.reduce((sum, log) => sum + log[k], 0) / logs.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const covariance = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const variance = logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  if (!(variance > 0)) throw new RangeError('a power law needs points with two different x');
  const exponent = covariance / variance;
  const deviations = logs.map(([x, y]) => Math.abs(Math.expm1(y - meanY - exponent * (x - meanX))));
  return { exponent, deviation: Math.max(...deviations) };
}
