import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocateArray, type DType, isFloat, type TypedArray } from '../../../kernel/dtype.ts';
import { formatKernel, type ScatterAddKernel } from '../../../kernel/kernel.ts';
import { nth } from '../../../kernel/nth.ts';
import { contiguousView, padView, stridedView, type View } from '../../../kernel/view.ts';
import { seed } from '../../../testing/seed.ts';
import { runKernel } from '../../interpret-kernels.ts';
import type { Features } from '../emit/features.ts';
import { difference } from './loop.suite.testing.ts';
import { LoopHarness, relaxedSimdSettings } from './loop.testing.ts';
import { lowerScatterAdd } from './scatter.ts';

interface Case {
  readonly outer: number;
  readonly count: number;
  readonly inner: number;
  readonly rows: number;
  readonly dtype: 'f32' | 'f64' | 'i32';
  /** The layout of the values. */
  readonly layout: 'contiguous' | 'transposed' | 'repeated' | 'padded';
  readonly indices: readonly number[];
}

const layouts: Readonly<Record<Case['layout'], (shape: readonly [number, number, number]) => View>> = {
  contiguous: contiguousView,
  transposed: ([outer, count, inner]) => stridedView([outer, count, inner], [count * inner, 1, count]),
  repeated: ([outer, count, inner]) => stridedView([outer, count, inner], [0, 0, 1]),
  padded: ([outer, count, inner]) =>
    padView(
      contiguousView([outer, Math.max(0, count - 2), Math.max(0, inner - 3)]),
      [0, Math.min(1, count), Math.min(2, inner)],
      [0, count - Math.max(0, count - 2) - Math.min(1, count), inner - Math.max(0, inner - 3) - Math.min(2, inner)],
    ),
};

function kernelOf({ outer, count, inner, rows, dtype, layout }: Case): ScatterAddKernel {
  return {
    kind: 'scatterAdd',
    name: 'scatter',
    dtype,
    outer,
    count,
    inner,
    rows,
    values: { buffer: 0, view: layouts[layout]([outer, count, inner]) },
    index: { buffer: 1, view: contiguousView([count]) },
    out: 2,
  };
}

function check(test: Case, features: Features): void {
  const { outer, count, inner, rows, dtype, indices } = test;
  const kernel = kernelOf(test);
  const dtypes: DType[] = [dtype, 'i32', dtype];
  const contents = [outer * count * inner, count, outer * rows * inner].map((n, k) =>
    allocateArray(nth(dtypes, k), Math.max(1, n)),
  );
  const [values, index, table] = [nth(contents, 0), nth(contents, 1), nth(contents, 2)];
  for (const k of values.keys()) values[k] = isFloat(dtype) ? Math.sin(k) : (k * 7919) % 1000;
  for (let k = 0; k < count; k++) index[k] = indices[k % Math.max(1, indices.length)] ?? 0;
  // The previous contents of the table are overwritten.
  table.fill(3);
  const expected = table.slice(0, outer * rows * inner);
  runKernel(kernel, [values, index, expected]);
  const runs = [1, 2, 3].map((threads): TypedArray => {
    const harness = new LoopHarness(
      (module, types, f) => lowerScatterAdd(module, kernel, types, f),
      dtypes,
      contents.map(({ length }) => length),
      features,
    );
    harness.fill(contents);
    harness.run(threads);
    return nth(harness.buffers, 2).slice(0, outer * rows * inner);
  });
  const problem = difference(dtype, nth(runs, 0), expected);
  if (problem !== null) throw new Error(`${problem}\n${formatKernel(kernel)}`);
  for (const run of runs.slice(1)) expect(run).toEqual(runs[0]);
}

const cases: fc.Arbitrary<Case> = fc.record({
  outer: fc.constantFrom(1, 1, 2, 3, 0),
  count: fc.constantFrom(0, 1, 3, 4, 5, 50, 77),
  inner: fc.constantFrom(1, 2, 3, 4, 5, 7, 16, 50, 64, 65, 77, 128, 197),
  rows: fc.constantFrom(1, 2, 5, 50),
  dtype: fc.constantFrom('f32', 'f64', 'i32'),
  layout: fc.constantFrom('contiguous', 'transposed', 'repeated', 'padded'),
  indices: fc.array(fc.integer({ min: -2, max: 52 }), { minLength: 1, maxLength: 80 }),
});

describe('scatterAdd', () => {
  it.each(relaxedSimdSettings)(`sums rows in order, relaxed SIMD %s (TESSERA_SEED=${seed})`, (relaxedSimd) => {
    fc.assert(
      fc.property(cases, (test) => check(test, { relaxedSimd, wideTiles: false })),
      { seed, numRuns: Number(process.env.TESSERA_TEST_RUNS ?? 200) },
    );
  });

  it('adds many values to one row', () => {
    const test: Case = { outer: 1, count: 1000, inner: 70, rows: 3, dtype: 'f32', layout: 'contiguous', indices: [1] };
    check(test, { relaxedSimd: true, wideTiles: false });
  });
});
