/**
 * exp and log with the same bits on every engine: ECMAScript does not define the last bits of `Math.exp` and `Math.log`, but +, -, *
 * and / are IEEE's. Relative errors are about 1e-15.
 */

/** 1 / k! from k = 14 down to 0. */
const expCoefficients = Array.from({ length: 15 }, (_, k) => {
  let factorial = 1;
  for (let n = 2; n <= 14 - k; n++) factorial *= n;
  return 1 / factorial;
});

/** e^x for x from -700 to 0. */
export function exactExp(x: number): number {
  const halvings = Math.floor(-x / Math.LN2 + 0.5);
  const rest = x + halvings * Math.LN2; // within +-0.35
  let sum = 0;
  for (const coefficient of expCoefficients) sum = sum * rest + coefficient;
  for (let k = 0; k < halvings; k++) sum *= 0.5;
  return sum;
}

/** The natural logarithm of x in (0, 1]. */
export function exactLog(x: number): number {
  let doublings = 0;
  let mantissa = x;
  for (; mantissa < Math.SQRT1_2; mantissa *= 2) doublings++;
  // ln m = 2 artanh((m - 1) / (m + 1)), and artanh z = z + z^3 / 3 + z^5 / 5 + ...
  const z = (mantissa - 1) / (mantissa + 1); // within +-0.18
  const square = z * z;
  let sum = 0;
  for (let k = 21; k >= 1; k -= 2) sum = sum * square + 1 / k;
  return 2 * z * sum - doublings * Math.LN2;
}
