/** Element-wise reductions in an order that depends on the number of ranks alone. */
import type { ExchangedArray, Reduction } from '@tessera/tensor/backend';

/** Combines `count` elements of `values` from `b` on into those from `a` on. */
type Combine = (values: ExchangedArray, a: number, b: number, count: number) => void;

// A stored element is rounded or wrapped to its dtype: a sum of two f32 that is computed in f64 and rounded is the f32 sum.
const combinations = {
  sum: (values, a, b, count) => {
    for (let i = 0; i < count; i++) values[a + i] = (values[a + i] as number) + (values[b + i] as number);
  },
  max: (values, a, b, count) => {
    for (let i = 0; i < count; i++) values[a + i] = Math.max(values[a + i] as number, values[b + i] as number);
  },
  min: (values, a, b, count) => {
    for (let i = 0; i < count; i++) values[a + i] = Math.min(values[a + i] as number, values[b + i] as number);
  },
} satisfies Record<Reduction, Combine>;

export const reductions = Object.keys(combinations) as readonly Reduction[];

/** Elements of a part that are combined at a time, so that they stay in the cache. */
const block = 4096;

/**
 * Combines the `parts` equal parts of `values` into `out`: neighbors first, then neighbors of the results, as a balanced binary tree. A part
 * without a neighbor moves up unchanged. `values` is overwritten.
 */
export function combineParts(values: ExchangedArray, parts: number, out: ExchangedArray, reduction: Reduction): void {
  const length = values.length / parts;
  const combine: Combine = combinations[reduction];
  for (let start = 0; start < length; start += block) {
    const count = Math.min(block, length - start);
    for (let stride = 1; stride < parts; stride *= 2)
      for (let part = 0; part + stride < parts; part += 2 * stride)
        combine(values, part * length + start, (part + stride) * length + start, count);
  }
  out.set(values.subarray(0, length));
}
