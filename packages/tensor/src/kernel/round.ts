/** Rounding as in IEEE 754. JavaScript's `Math.round` rounds halves up. */

/** The nearest whole number; halves become the even one of their neighbors. Zeros keep the sign of x. */
export function roundHalfToEven(x: number): number {
  const isHalf = Math.abs(x - Math.trunc(x)) === 0.5;
  return isHalf ? 2 * Math.round(x / 2) : Math.round(x);
}
