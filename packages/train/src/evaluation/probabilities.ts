/** Logits to probabilities. */

/** The softmax of some logits: exp(x_i - m) / sum_j exp(x_j - m), m the largest. */
export function softmax(logits: ArrayLike<number>): Float64Array {
  const values = Float64Array.from(logits);
  const largest = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const exponentials = values.map((value) => Math.exp(value - largest));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((value) => value / sum);
}

export const sigmoid = (logit: number): number => 1 / (1 + Math.exp(-logit));
