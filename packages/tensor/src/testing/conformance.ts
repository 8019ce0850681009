/** The conformance cases of all operations, which every backend must pass, in Node and in browsers. */
import { isFloat } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { sameShape } from '../kernel/shape.ts';
import { arrangingCases } from './arranging-cases.ts';
import { elementwiseCases } from './elementwise-cases.ts';
import { functionCases } from './function-cases.ts';
import { halfCases } from './half-cases.ts';
import { integerCases } from './integer-cases.ts';
import { linalgCases } from './linalg-cases.ts';
import { normCases } from './norm-cases.ts';
import type { OpCase } from './op-case.ts';
import { productCases } from './product-cases.ts';
import { namedProductCases } from './product-name-cases.ts';
import { reductionCases } from './reduction-cases.ts';
import { scatteringCases } from './scattering-cases.ts';
import { shapingCases } from './shaping-cases.ts';
import { sortingCases } from './sorting-cases.ts';

export { whyMissing } from './availability.ts';
export type { OpCase } from './op-case.ts';

export const opCases: readonly OpCase[] = [
  ...elementwiseCases,
  ...functionCases,
  ...integerCases,
  ...reductionCases,
  ...shapingCases,
  ...productCases,
  ...halfCases,
  ...sortingCases,
  ...scatteringCases,
  ...namedProductCases,
  ...normCases,
  ...linalgCases,
  ...arrangingCases,
];

/** Computes a case on the default backend. Returns a description of the first difference, or null if the result is correct. */
export async function checkOpCase({
  compute,
  expected,
  shape,
  dtype = 'f32',
  tolerance = 1e-5,
  relative = false,
}: OpCase): Promise<string | null> {
  const result = compute();
  if (result.dtype !== dtype) return `dtype ${result.dtype}, expected ${dtype}`;
  if (!sameShape(result.shape, shape)) return `shape [${result.shape}], expected [${shape}]`;
  const values = await result.data();
  if (values.length !== expected.length) return `${values.length} values, expected ${expected.length}`;
  for (const [i, value] of values.entries()) {
    const wanted = nth(expected, i);
    const allowed =
      isFloat(dtype) && Number.isFinite(wanted) ? tolerance * Math.max(relative ? 0 : 1, Math.abs(wanted)) : 0;
    const equal =
      Math.abs(value - wanted) <= allowed || value === wanted || (Number.isNaN(value) && Number.isNaN(wanted));
    if (!equal) return `element ${i} is ${value}, expected ${wanted}`;
  }
  return null;
}
