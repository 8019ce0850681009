/** Errors of computed numbers compared with reference numbers. */

/** For smaller reference numbers the error is absolute: some gradients are zero by symmetry, such as that of a key projection's bias. */
const floor = 1e-2;

type Numbers = ArrayLike<number>;

/** max |a - b|. It is infinite if only one side is NaN or an infinity. */
export function absoluteError(values: Numbers, reference: Numbers): number {
  let worst = 0;
  for (let i = 0; i < reference.length; i++) {
    const a = values[i] ?? Number.NaN;
    const b = reference[i] ?? Number.NaN;
    if (Object.is(a, b)) continue;
    const distance = Math.abs(a - b);
    worst = Math.max(worst, Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance);
  }
  return worst;
}

/** max |a - b| / max(max |b|, 1e-2), where b is the reference; the maximum ignores infinities of b. */
export function relativeError(values: Numbers, reference: Numbers): number {
  let largest = floor;
  for (let i = 0; i < reference.length; i++) {
    const size = Math.abs(reference[i] ?? Number.NaN);
    if (Number.isFinite(size)) largest = Math.max(largest, size);
  }
  return absoluteError(values, reference) / largest;
}
