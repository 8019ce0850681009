/**
 * The error function to double precision. Below 3 by Kummer's series, whose terms are all positive,
 *
 *     erf(x) = 2 / sqrt(pi) exp(-x^2) sum over n of 2^n x^(2n+1) / (1 * 3 * ... * (2n+1)),
 *
 * from there as 1 - erfc(x) with the continued fraction (Abramowitz and Stegun, 7.1.14)
 *
 *     erfc(x) = exp(-x^2) / sqrt(pi) * 1 / (x + (1/2) / (x + 1 / (x + (3/2) / (x + ...)))).
 */
export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  const magnitude = Math.abs(x);
  if (magnitude < 3) {
    let term = magnitude;
    let sum = magnitude;
    for (let n = 1; term > sum * 1e-17; n++) {
      term *= (2 * magnitude * magnitude) / (2 * n + 1);
      sum += term;
    }
    return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * Math.exp(-magnitude * magnitude) * sum;
  }
  return magnitude > 6 ? Math.sign(x) : Math.sign(x) * (1 - complementByFraction(magnitude));
}

/** erfc by the continued fraction; the closer x is to 0, the more terms it takes. */
function complementByFraction(x: number): number {
  let fraction = x;
  for (let n = x < 3 ? 400 : 60; n >= 1; n--) fraction = x + n / 2 / fraction;
  // The square of an f32 is exact.
  const rounded = Math.fround(x);
  const square = Math.exp(-rounded * rounded) * Math.exp(-(x - rounded) * (x + rounded));
  return square / Math.sqrt(Math.PI) / fraction;
}

/** 1 - erf(x), to double precision also where erf(x) is near 1. */
export function erfc(x: number): number {
  if (Number.isNaN(x)) return x;
  if (Math.abs(x) < 0.75) return 1 - erf(x);
  if (x < 0) return 2 - erfc(-x);
  return x > 28 ? 0 : complementByFraction(x);
}
