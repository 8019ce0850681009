import { beforeAll, describe, expect, it, test } from 'vitest';
import { tensor } from '../../functions.ts';
import { setDefaultBackend } from '../../kernel/backend.ts';
import { erf, erfc } from '../../kernel/erf.ts';
import { nth } from '../../kernel/nth.ts';
import type { Tensor } from '../../tensor.ts';
import { webgpuMissing } from '../../testing/backends.ts';

/** The distance between neighboring f32 numbers at x. */
function unitInLastPlace(x: number): number {
  const magnitude = Math.abs(Math.fround(x));
  return 2 ** (Math.max(-126, Math.floor(Math.log2(magnitude))) - 23);
}

const smallestNormal = 2 ** -126;

/** The largest error in units in the last place, and its input. Subnormal results may be flushed to 0. */
async function largestError(
  compute: (x: Tensor) => Tensor,
  exact: (x: number) => number,
  inputs: readonly number[],
): Promise<{ error: number; at: number }> {
  const x = Float32Array.from(inputs);
  const values = await compute(tensor(x)).data();
  let worst = { error: 0, at: 0 };
  for (const [k, input] of x.entries()) {
    const [wanted, found] = [exact(input), nth(values, k)];
    const error =
      Object.is(found, Math.fround(wanted)) || (Math.abs(wanted) < smallestNormal && Math.abs(found) < smallestNormal)
        ? 0
        : Math.abs(found - wanted) / unitInLastPlace(wanted);
    if (!(error <= worst.error)) worst = { error: Number.isNaN(error) ? Number.POSITIVE_INFINITY : error, at: input };
  }
  return worst;
}

const between = (low: number, high: number, count = 4000): number[] =>
  Array.from({ length: count }, (_, k) => low + ((high - low) * (k + 0.37)) / count);

/** Numbers of all magnitudes between two powers of 2, with both signs. */
const magnitudes = (low: number, high: number, count = 2000): number[] =>
  Array.from({ length: count }, (_, k) => 2 ** (low + ((high - low) * k) / count)).flatMap((x) => [x, -x]);

describe.skipIf(webgpuMissing !== null)(`functions of shaders ${webgpuMissing ?? ''}`, () => {
  beforeAll(() => {
    setDefaultBackend('webgpu');
  });

  test.each([
    {
      name: 'exp',
      compute: (x: Tensor) => x.exp(),
      exact: Math.exp,
      inputs: [...between(-87.3, 88.7), ...magnitudes(-30, -1)],
      units: 3,
    },
    {
      name: 'log',
      compute: (x: Tensor) => x.log(),
      exact: Math.log,
      inputs: [...between(0.5, 2), ...magnitudes(-125, 127).map(Math.abs)],
      units: 3,
    },
    {
      name: 'sin',
      compute: (x: Tensor) => x.sin(),
      exact: Math.sin,
      inputs: [...between(-10, 10), ...between(-8192, 8192), ...magnitudes(-20, 127)],
      units: 3,
    },
    {
      name: 'tanh',
      compute: (x: Tensor) => x.tanh(),
      exact: Math.tanh,
      inputs: [...between(-12, 12), ...magnitudes(-30, 5)],
      units: 4,
    },
    {
      name: 'erf',
      compute: (x: Tensor) => x.erf(),
      exact: erf,
      inputs: [...between(-5, 5), ...magnitudes(-30, 4)],
      units: 4,
    },
    {
      name: 'expm1',
      compute: (x: Tensor) => x.expm1(),
      exact: Math.expm1,
      inputs: [...between(-20, 88.7), ...magnitudes(-30, 4)],
      units: 4,
    },
    {
      name: 'exp2',
      compute: (x: Tensor) => x.exp2(),
      exact: (x: number) => 2 ** x,
      inputs: between(-126, 127.9),
      units: 3,
    },
    {
      name: 'log1p',
      compute: (x: Tensor) => x.log1p(),
      exact: Math.log1p,
      inputs: [...between(-0.99, 4), ...magnitudes(-60, -1), ...magnitudes(1, 127).map(Math.abs)],
      units: 4,
    },
    {
      name: 'log2',
      compute: (x: Tensor) => x.log2(),
      exact: Math.log2,
      inputs: [...between(0.5, 2), ...magnitudes(-125, 127).map(Math.abs)],
      units: 4,
    },
    {
      name: 'log10',
      compute: (x: Tensor) => x.log10(),
      exact: Math.log10,
      inputs: [...between(0.5, 2), ...magnitudes(-125, 127).map(Math.abs)],
      units: 4,
    },
    {
      name: 'atan',
      compute: (x: Tensor) => x.atan(),
      exact: Math.atan,
      inputs: [...between(-4, 4), ...magnitudes(-30, 127)],
      units: 4,
    },
    {
      name: 'erfc',
      compute: (x: Tensor) => x.erfc(),
      exact: erfc,
      inputs: between(-4, 9),
      units: 5,
    },
    {
      name: 'sqrt',
      compute: (x: Tensor) => x.sqrt(),
      exact: Math.sqrt,
      inputs: magnitudes(-100, 100).map(Math.abs),
      units: 3,
    },
    {
      name: 'reciprocal',
      compute: (x: Tensor) => x.reciprocal(),
      exact: (x: number) => 1 / x,
      inputs: magnitudes(-100, 100),
      units: 3,
    },
  ])('$name has an error of at most $units units in the last place', async ({ compute, exact, inputs, units }) => {
    const { error, at } = await largestError(compute, exact, inputs);
    expect(error, `at ${at}`).toBeLessThanOrEqual(units);
  });

  it('keeps NaN, infinities and the sign of 0', async () => {
    const inputs = [0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 3.4e38, -3.4e38];
    for (const [compute, exact] of [
      [(x: Tensor) => x.exp(), Math.exp],
      [(x: Tensor) => x.log(), Math.log],
      [(x: Tensor) => x.tanh(), Math.tanh],
      [(x: Tensor) => x.erf(), erf],
      [(x: Tensor) => x.sin(), (x: number) => (Math.abs(x) > 1e30 ? Math.sin(Math.fround(x)) : Math.sin(x))],
      [(x: Tensor) => x.expm1(), Math.expm1],
      [(x: Tensor) => x.log1p(), Math.log1p],
      [(x: Tensor) => x.log2(), Math.log2],
      [(x: Tensor) => x.atan(), Math.atan],
      [(x: Tensor) => x.erfc(), erfc],
      [(x: Tensor) => x.maximum(0), (x: number) => Math.max(x, 0)],
      [(x: Tensor) => x.maximum(Number.NaN), () => Number.NaN],
    ] as const) {
      const values = [...(await compute(tensor(inputs)).data())];
      for (const [k, x] of inputs.entries()) {
        const [wanted, found] = [Math.fround(exact(x)), nth(values, k)];
        if (wanted === 0) expect(found).toBeCloseTo(0, 30);
        else if (!Number.isFinite(wanted)) expect(found).toBe(wanted);
        else expect(Math.abs(found / wanted - 1)).toBeLessThan(1e-6);
      }
    }
  });
});
