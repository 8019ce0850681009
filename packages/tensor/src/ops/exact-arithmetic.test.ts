/** Division, remainders and powers to the last bit, on every backend: the inputs are those for which a * (1 / b) is wrong, and special values. */
import { beforeAll, describe, expect, test } from 'vitest';
import { linspace, ones, tensor } from '../functions.ts';
import { getBackend, setDefaultBackend } from '../kernel/backend.ts';
import type { DType } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { power } from '../kernel/power.ts';
import type { Tensor } from '../tensor.ts';
import { registerTestedBackends, testedBackends } from '../testing/backends.ts';

registerTestedBackends();

type Pair = readonly [a: number, b: number];

const { POSITIVE_INFINITY: infinity, NaN: nan } = Number;

/** All quotients of whole numbers up to 2,000 by those up to 100, both signs. A slow backend takes one in `step`. */
function wholePairs(step: number): Pair[] {
  const pairs: Pair[] = [];
  for (let a = -40; a <= 2000; a += step) for (let b = 1; b <= 100; b++) pairs.push([a, a % 2 === 0 ? b : -b]);
  return pairs;
}

const special = [0, -0, 1, -1, 3.5, -3.5, 1e30, -7e8, 1e-3, 3.4e38, infinity, -infinity, nan];
const specialPairs: readonly Pair[] = special.flatMap((a) => special.map((b): Pair => [a, b]));

const rounders: Partial<Record<DType, (x: number) => number>> = { f32: Math.fround, f64: (x) => x };

function pythonRemainder(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

/** Python's and PyTorch's floor division of floats. */
function pythonFloor(a: number, b: number, round: (x: number) => number): number {
  if (b === 0) return a / b;
  const rest = a % b;
  let quotient = round(round(a - rest) / b);
  if (rest !== 0 && rest < 0 !== b < 0) quotient = round(quotient - 1);
  const floor = Math.floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}

const smallestNormal = 2 ** -126;

/** Equal, or both NaN. The signs of zeros do not matter, and denormal numbers may be flushed to 0. */
const agrees = (a: number, b: number): boolean =>
  a === b || (Number.isNaN(a) && Number.isNaN(b)) || (a === 0 && Math.abs(b) < smallestNormal);

async function expectPairs(
  pairs: readonly Pair[],
  dtype: DType,
  compute: (a: Tensor, b: Tensor) => Tensor,
  exact: (a: number, b: number) => number,
): Promise<void> {
  const columns = ([0, 1] as const).map((k) =>
    tensor(
      pairs.map((pair) => pair[k]),
      { dtype },
    ),
  ) as [Tensor, Tensor];
  const [a, b] = await Promise.all(columns.map((column) => column.data()));
  const values = await compute(...columns).data();
  const wrong: string[] = [];
  values.forEach((value, k) => {
    const [x, y] = [nth(a as ArrayLike<number>, k), nth(b as ArrayLike<number>, k)];
    const wanted = exact(x, y);
    if (!agrees(value, wanted)) wrong.push(`(${x}, ${y}): ${value}, not ${wanted}`);
  });
  expect(wrong.slice(0, 10), `${wrong.length} of ${pairs.length}`).toEqual([]);
}

describe.each(testedBackends)('exact arithmetic on %s', (name) => {
  beforeAll(() => {
    setDefaultBackend(name);
  });
  const floats = (): DType[] => (getBackend(name).whyUnsupported?.('f64') ? ['f32'] : ['f32', 'f64']);
  const pairs = [...wholePairs(name.startsWith('gpujs') ? 7 : 1), ...specialPairs];
  // The shading language decides how gpu.js divides on a GPU, and tells the sign of no zero.
  const inShader = name === 'gpujs:webgpu';

  test.skipIf(inShader)('a quotient is rounded once', async () => {
    for (const dtype of floats()) {
      const round = rounders[dtype] as (x: number) => number;
      await expectPairs(
        pairs,
        dtype,
        (a, b) => a.div(b),
        (a, b) => round(a / b),
      );
    }
  });

  test.skipIf(inShader)('so is a quotient by a number, of a row, and a mean', async () => {
    const x = tensor([41, 82, 1, -123]);
    expect([...(await x.div(41).data())]).toEqual([1, 2, Math.fround(1 / 41), -3]);
    expect([...(await x.div(0.25).data())]).toEqual([164, 328, 4, -492]);
    expect([
      ...(await x
        .reshape([2, 2])
        .div(tensor([[41], [3]]))
        .data()),
    ]).toEqual([1, 2, Math.fround(1 / 3), -41]);
    expect(await ones([41]).contiguous().mean().item()).toBe(1);
  });

  test('remainder and floorDivide of floats are those of Python', async () => {
    for (const dtype of floats()) {
      const round = rounders[dtype] as (x: number) => number;
      await expectPairs(
        pairs,
        dtype,
        (a, b) => a.remainder(b),
        (a, b) => round(pythonRemainder(a, b)),
      );
      await expectPairs(
        pairs,
        dtype,
        (a, b) => a.floorDivide(b),
        (a, b) => pythonFloor(a, b, round),
      );
    }
  });

  test('remainder and floorDivide of integers are those of Python', async () => {
    for (const dtype of ['i32', 'u8'] as const) {
      const fitting = wholePairs(7).filter(([a, b]) => dtype === 'i32' || (a >= 0 && a < 256 && b > 0));
      await expectPairs(fitting, dtype, (a, b) => a.remainder(b), pythonRemainder);
      await expectPairs(
        fitting,
        dtype,
        (a, b) => a.floorDivide(b),
        (a, b) => Math.floor(a / b),
      );
    }
  });

  test('pow has the special values of C', async () => {
    const bases = [0, -0, 1, -1, infinity, -infinity, nan, 2, -2, 0.5, -0.5, 3, -3, 1e10];
    const exponents = [0, -0, 1, -1, infinity, -infinity, nan, 2, -2, 3, -3, 0.5, -0.5, 1.5, 16777216, -16777215];
    const all = bases.flatMap((a) => exponents.map((b): Pair => [a, b]));
    const isSpecial = ([a, b]: Pair): boolean => {
      const value = power(a, b);
      if (inShader && Object.is(a, -0)) return false;
      return !Number.isFinite(Math.fround(value)) || Math.fround(value) === 0 || Math.abs(value) === 1;
    };
    for (const dtype of floats())
      await expectPairs(
        all.filter(isSpecial),
        dtype,
        (a, b) => a.pow(b),
        dtype === 'f32' ? (a, b) => Math.fround(power(a, b)) : power,
      );
  });

  test('pow is right to 1e-7, by tensors and by numbers', async () => {
    const base = Array.from({ length: 4000 }, (_, k) =>
      Math.fround(k % 2 ? Math.exp(20 * Math.sin(1.7 * k)) : 1 + 0.5 * Math.sin(2.3 * k)),
    );
    const exponent = base.map((_, k) => Math.fround((k % 3 ? 60 : 3) * Math.sin(3.1 * k) * (k % 2 ? 0.1 : 1)));
    const expectClose = async (y: Tensor, exponentAt: (k: number) => number): Promise<void> => {
      const values = await y.data();
      let worst = 0;
      base.forEach((x, k) => {
        const wanted = x ** exponentAt(k);
        if (wanted > smallestNormal && wanted < 2 ** 127)
          worst = Math.max(worst, Math.abs(nth(values, k) / wanted - 1));
      });
      expect(worst).toBeLessThan(inShader ? 4e-7 : 1.1e-7);
    };
    await expectClose(tensor(base).pow(tensor(exponent)), (k) => nth(exponent, k));
    for (const number of [2.5, -0.75, 5, -3, 1 / 3, 17, 64])
      await expectClose(tensor(base).pow(number), () => Math.fround(number));
  });

  test('pow of doubles is right to the last place, up to the ends of the range', async () => {
    if (!floats().includes('f64')) return;
    const base = Array.from({ length: 4000 }, (_, k) =>
      k % 2 ? Math.exp(600 * Math.sin(1.7 * k)) : 1 + 1e-5 * Math.sin(k + 1),
    );
    const exponent = base.map((x, k) => (705 * Math.sin(3.1 * k)) / Math.log(x));
    const values = await tensor(base, { dtype: 'f64' })
      .pow(tensor(exponent, { dtype: 'f64' }))
      .data();
    base.forEach((x, k) => {
      const wanted = x ** nth(exponent, k);
      if (wanted > 1e-300)
        expect(Math.abs(nth(values, k) / wanted - 1), `${x} ^ ${nth(exponent, k)}`).toBeLessThan(4.5e-16);
    });
  });

  test('pow of integers is exact and wraps around', async () => {
    const i32 = (...values: number[]): Tensor => tensor(Int32Array.from(values));
    const u8 = (...values: number[]): Tensor => tensor(values, { dtype: 'u8' });
    const result = i32(7, 200, 2, -2, -1, 1, -1, 3, 0, 0, -3).pow(i32(1, 1, 31, 33, -3, -5, -2, -1, 0, -1, 21));
    expect(result.dtype).toBe('i32');
    const wrapped = Number(BigInt.asIntN(32, (-3n) ** 21n));
    expect([...(await result.data())]).toEqual([7, 200, -(2 ** 31), 0, -1, 1, 1, 0, 1, 0, wrapped]);
    expect([
      ...(await u8(5, 3, 2, 255)
        .pow(u8(5, 6, 9, 3))
        .data()),
    ]).toEqual([53, 217, 0, 255]);
    expect([...(await i32(3, -2).pow(31).data())]).toEqual([Number(BigInt.asIntN(32, 3n ** 31n)), -(2 ** 31)]);
  });

  test('cos is as accurate as sin', async () => {
    const x = Float32Array.from({ length: 4000 }, (_, k) => 4096 * Math.sin(1.1 * k) * Math.sin(0.37 * k));
    for (const [y, exact] of [
      [tensor(x).cos(), Math.cos],
      [tensor(x).sin(), Math.sin],
    ] as const) {
      const values = await y.data();
      x.forEach((v, k) => {
        expect(Math.abs(nth(values, k) - exact(v)), `at ${v}`).toBeLessThan(1e-7);
      });
    }
  });

  test('linspace ends where it must', async () => {
    for (const dtype of floats())
      for (const steps of [2, 7, 50, 51]) {
        const values = await linspace(0, 1, steps, { dtype }).data();
        expect([values[0], values[steps - 1]]).toEqual([0, 1]);
      }
    expect([...(await linspace(4.3, -3, 5, { dtype: 'i32' }).data())]).toEqual([4, 2, 0, -1, -3]);
  });

  test('equal values have a variance of 0', async () => {
    expect(await tensor([1e10, 1e10, 1e10]).variance().item()).toBe(0);
    expect(await tensor(new Float32Array(4096).fill(0.1)).std().item()).toBe(0);
    expect(await tensor(new Float32Array(100_000).fill(3.3)).variance().item()).toBe(0);
  });
});
