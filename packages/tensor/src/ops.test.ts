import { beforeAll, describe, expect, test } from 'vitest';
import { setDefaultBackend } from './backend.ts';
import { isFloat } from './dtype.ts';
import { registerTestedBackends, testedBackends } from './testing/backends.ts';
import { elementwiseCases } from './testing/elementwise-cases.ts';
import type { OpCase } from './testing/op-case.ts';
import { productCases } from './testing/product-cases.ts';
import { reductionCases } from './testing/reduction-cases.ts';
import { shapingCases } from './testing/shaping-cases.ts';

const cases: readonly OpCase[] = [...elementwiseCases, ...reductionCases, ...shapingCases, ...productCases];

registerTestedBackends();

describe.each(testedBackends)('operations on %s', (backend) => {
  beforeAll(() => {
    setDefaultBackend(backend);
  });

  test.each(cases)('$name', async ({ compute, expected, shape, dtype = 'f32', tolerance = 1e-5 }) => {
    const result = compute();
    expect(result.dtype).toBe(dtype);
    expect(result.shape).toEqual(shape);
    const values = await result.data();
    expect(values.length).toBe(expected.length);
    values.forEach((value, i) => {
      const wanted = expected[i] as number;
      const allowed = isFloat(dtype) && Number.isFinite(wanted) ? tolerance * Math.max(1, Math.abs(wanted)) : 0;
      if (!(Math.abs(value - wanted) <= allowed))
        expect(value === 0 ? 0 : value, `element ${i}`).toBe(wanted === 0 ? 0 : wanted);
    });
  });
});
