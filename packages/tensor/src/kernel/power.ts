/** C's pow for JavaScript numbers. */

/** JavaScript's differs from C's where |a| is 1: 1^NaN, 1^infinity and (-1)^infinity are 1 in C. */
export function power(a: number, b: number): number {
  const isOne = a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY);
  return isOne ? 1 : a ** b;
}
