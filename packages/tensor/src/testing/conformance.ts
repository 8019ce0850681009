/** The test bodies of all operations, for every backend and for every place where a backend runs: Node, and pages in browsers. */
import { isFloat } from '../kernel/dtype.ts';
import { sameShape } from '../kernel/shape.ts';
import { elementwiseCases } from './elementwise-cases.ts';
import { halfCases } from './half-cases.ts';
import type { OpCase } from './op-case.ts';
import { productCases } from './product-cases.ts';
import { reductionCases } from './reduction-cases.ts';
import { shapingCases } from './shaping-cases.ts';

export { whyMissing } from './availability.ts';
export type { OpCase } from './op-case.ts';

export const opCases: readonly OpCase[] = [
  ...elementwiseCases,
  ...reductionCases,
  ...shapingCases,
  ...productCases,
  ...halfCases,
];

/** Computes a case on the default backend. Returns what is wrong with the result; null if nothing is. */
export async function checkOpCase({
  compute,
  expected,
  shape,
  dtype = 'f32',
  tolerance = 1e-5,
}: OpCase): Promise<string | null> {
  const result = compute();
  if (result.dtype !== dtype) return `dtype ${result.dtype}, expected ${dtype}`;
  if (!sameShape(result.shape, shape)) return `shape [${result.shape}], expected [${shape}]`;
  const values = await result.data();
  if (values.length !== expected.length) return `${values.length} values, expected ${expected.length}`;
  for (const [i, value] of values.entries()) {
    const wanted = expected[i] as number;
    const allowed = isFloat(dtype) && Number.isFinite(wanted) ? tolerance * Math.max(1, Math.abs(wanted)) : 0;
    const equal =
      Math.abs(value - wanted) <= allowed || value === wanted || (Number.isNaN(value) && Number.isNaN(wanted));
    if (!equal) return `element ${i} is ${value}, expected ${wanted}`;
  }
  return null;
}
