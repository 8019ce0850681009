/** How far computed numbers are from reference numbers. */

/** Below this size a difference counts absolutely: some gradients are zero by symmetry, such as a key projection's bias. */
const floor = 1e-2;

type Numbers = ArrayLike<number>;

/** max |a - b|. NaN or an infinity on one side only counts as infinite. */
export function absoluteError(values: Numbers, reference: Numbers): number {
  let worst = 0;
  for (let i = 0; i < reference.length; i++) {
    const a = values[i] as number;
    const b = reference[i] as number;
    if (Object.is(a, b)) continue;
    const distance = Math.abs(a - b);
    worst = Math.max(worst, Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance);
  }
  return worst;
}

/** max |a - b| / max(max |b|, 1e-2), where b is the reference; infinities of b do not count into its maximum. */
export function relativeError(values: Numbers, reference: Numbers): number {
  let largest = floor;
  for (let i = 0; i < reference.length; i++) {
    const size = Math.abs(reference[i] as number);
    if (Number.isFinite(size)) largest = Math.max(largest, size);
  }
  return absoluteError(values, reference) / largest;
}
