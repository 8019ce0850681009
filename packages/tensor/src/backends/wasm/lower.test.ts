import { describe, expect, it } from 'vitest';
import { localKernel, planKey } from '../../codegen/kernel-key.ts';
import type { ContractKernel, Program } from '../../kernel/kernel.ts';
import type { Plan } from '../../kernel/plan.ts';
import { lowerPlan } from './lower.ts';
import { contiguous, contractKernel } from './products/contract.testing.ts';

const features = { relaxedSimd: true, wideTiles: true };
const matrix = contiguous([8, 8]);

/** A kernel for out = a b + constant, for 8 x 8 matrices. */
function product(name: string, [a, b, out]: readonly [number, number, number], constant: number): ContractKernel {
  const epilogue: Program = {
    instructions: [
      { op: 'accumulator', dtype: 'f32' },
      { op: 'const', value: constant, dtype: 'f32' },
      { op: 'binary', kind: 'add', a: 0, b: 1, dtype: 'f32' },
    ],
    stores: [{ value: 2, access: { buffer: out, view: matrix }, oncePerRow: false }],
  };
  const kernel = contractKernel('f32', { batch: [], m: [8], n: [8], k: [8] }, matrix, matrix, epilogue);
  return { ...kernel, name, a: { buffer: a, view: matrix }, b: { buffer: b, view: matrix } };
}

const plan = (...kernels: ContractKernel[]): Plan => ({
  buffers: Array.from({ length: 6 }, (_, index) => ({
    dtype: 'f32',
    length: 64,
    place: { kind: 'external', index },
  })),
  stages: kernels.map((kernel) => [kernel]),
  arenaBytes: 0,
  externalCount: 6,
});

describe('lowerPlan', () => {
  it('writes equal kernels once, regardless of their names and buffers', () => {
    const { bytes, calls, table } = lowerPlan(
      plan(product('first', [0, 1, 2], 1), product('second', [3, 5, 4], 1), product('third', [0, 0, 2], 1)),
      { features, threads: 2 },
    );
    expect(WebAssembly.validate(bytes)).toBe(true);
    expect(calls.map(({ exportName }) => exportName)).toEqual(['kernel0', 'kernel0', 'kernel1']);
    expect(calls.map(({ name }) => name)).toEqual(['first', 'second', 'third']);
    expect(calls.map(({ tableOffset }) => tableOffset)).toEqual([0, 12, 24]);
    expect(table).toEqual([0, 1, 2, 3, 5, 4, 0, 2]);
    const exported = WebAssembly.Module.exports(new WebAssembly.Module(bytes)).map(({ name }) => name);
    expect(exported).toEqual(['run', 'kernel0', 'kernel1']);
  });

  it('names the functions for profilers', () => {
    const { bytes } = lowerPlan(plan(product('contract_add', [0, 1, 2], 1)), { features, threads: 1 });
    expect(new TextDecoder().decode(bytes)).toContain('contract_add');
  });

  it('distinguishes constants that print alike', () => {
    const keys = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((constant) => {
      const kernel = product('x', [0, 1, 2], constant);
      return [localKernel(kernel, plan()).key, planKey(plan(kernel))];
    });
    expect(new Set(keys.map(([kernel]) => kernel)).size).toBe(5);
    expect(new Set(keys.map(([, whole]) => whole)).size).toBe(5);
  });

  it('counts operations and bytes', () => {
    const { calls, nanoseconds } = lowerPlan(plan(product('x', [0, 1, 2], 1)), { features, threads: 1 });
    expect(calls[0]?.operations).toBe(64 * (2 * 8 + 2));
    expect(calls[0]?.bytes).toBe(3 * 64 * 4);
    expect(nanoseconds).toBeGreaterThan(0);
  });
});
