export interface PowerLaw {
  /** y grows as x to this power. */
  readonly exponent: number;
  /** Largest |y / fit - 1|: how far the points are from one power law. */
  readonly deviation: number;
}

/** The power law that is nearest to the points: least squares on logarithms. Needs two different x at least, all numbers above 0. */
export function fitPowerLaw(points: readonly { readonly x: number; readonly y: number }[]): PowerLaw {
  const logs = points.map(({ x, y }) => [Math.log(x), Math.log(y)] as const);
  const mean = (k: 0 | 1): number => logs.reduce((sum, log) => sum + log[k], 0) / logs.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const covariance = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const variance = logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  if (!(variance > 0)) throw new RangeError('a power law needs points at two different places');
  const exponent = covariance / variance;
  const deviations = logs.map(([x, y]) => Math.abs(Math.expm1(y - meanY - exponent * (x - meanX))));
  return { exponent, deviation: Math.max(...deviations) };
}
