/** Distributions of initial values, and those of PyTorch's layers. */
import { manualSeed, type Tensor, zeros } from '@tessera/tensor';
import { beforeEach, describe, expect, test } from 'vitest';
import { Conv2d, Linear, MultiheadAttention } from '../layers/index.ts';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { at } from '../testing/numbers.ts';
import * as init from './init.ts';

async function statistics(values: Tensor): Promise<{ mean: number; std: number; low: number; high: number }> {
  const data = [...(await values.data())];
  const mean = data.reduce((sum, x) => sum + x, 0) / data.length;
  const variance = data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / data.length;
  return { mean, std: Math.sqrt(variance), low: Math.min(...data), high: Math.max(...data) };
}

const shape = [100, 101];

beforeEach(() => {
  useBackend('reference');
  manualSeed(7);
});

describe('distributions', () => {
  test('uniform', async () => {
    const { mean, std, low, high } = await statistics(init.uniform(-1, 3)(shape));
    expect(mean).toBeCloseTo(1, 1);
    expect(std).toBeCloseTo(4 / Math.sqrt(12), 1);
    expect(low).toBeGreaterThanOrEqual(-1);
    expect(low).toBeLessThan(-0.99);
    expect(high).toBeLessThanOrEqual(3);
    expect(high).toBeGreaterThan(2.99);
  });

  test('normal', async () => {
    const { mean, std, low, high } = await statistics(init.normal({ mean: 2, std: 0.5 })(shape));
    expect(mean).toBeCloseTo(2, 1);
    expect(std).toBeCloseTo(0.5, 1);
    // Among 10,100 normal numbers, the extremes are about four standard deviations from the mean.
    expect(high - 2).toBeGreaterThan(1.5);
    expect(2 - low).toBeGreaterThan(1.5);
  });

  test('the two numbers of a pair do not depend on each other', async () => {
    const data = await init.normal()([20_000]).data();
    let product = 0;
    for (let i = 0; i < data.length; i += 2) product += at(data, i) * at(data, i + 1);
    expect(Math.abs(product / 10_000)).toBeLessThan(0.04);
  });

  test('truncated normal', async () => {
    const { std, low, high } = await statistics(init.truncNormal({ std: 1, low: -1, high: 2 })(shape));
    expect(low).toBeGreaterThanOrEqual(-1);
    expect(high).toBeLessThanOrEqual(2);
    // Of the normal distribution on [-1, 2]: 0.721, from its moments.
    expect(std).toBeCloseTo(0.72, 1);
    expect(() => init.truncNormal({ std: 0.1, low: 1, high: 2 })).toThrow('more than two standard deviations');
  });

  test('fans count the window', () => {
    expect(init.fans([8, 3, 5, 7])).toEqual({ fanIn: 105, fanOut: 280 });
    expect(() => init.fans([3])).toThrow('at least 2 dimensions');
  });

  test.each([
    ['kaimingUniform', init.kaimingUniform(), Math.sqrt(2 / 101)],
    ['kaimingUniform, a = sqrt 5', init.kaimingUniform({ a: Math.sqrt(5) }), Math.sqrt(1 / 3 / 101)],
    ['kaimingNormal by fan out', init.kaimingNormal({ mode: 'fanOut' }), Math.sqrt(2 / 100)],
    ['xavierUniform', init.xavierUniform({ gain: 2 }), 2 * Math.sqrt(2 / 201)],
    ['xavierNormal', init.xavierNormal(), Math.sqrt(2 / 201)],
  ])('%s', async (_, initializer, expected) => {
    const { mean, std } = await statistics(initializer(shape));
    expect(Math.abs(std / expected - 1)).toBeLessThan(0.03);
    expect(Math.abs(mean / expected)).toBeLessThan(0.03);
  });
});

describe("layers start as PyTorch's", () => {
  const bound = async (values: Tensor | null): Promise<number> => {
    const { low, high } = await statistics(values ?? zeros([1]));
    return Math.max(-low, high);
  };

  test('Linear and Conv2d: U(+-1 / sqrt(fan in))', async () => {
    const linear = new Linear(64, 300);
    for (const values of [linear.weight, linear.bias]) {
      const largest = await bound(values);
      expect(largest).toBeLessThanOrEqual(0.125);
      expect(largest).toBeGreaterThan(0.12);
    }
    const conv = new Conv2d(8, 400, 2, { groups: 2 });
    for (const values of [conv.weight, conv.bias]) {
      const largest = await bound(values);
      expect(largest).toBeLessThanOrEqual(0.25);
      expect(largest).toBeGreaterThan(0.24);
    }
  });

  test('MultiheadAttention: packed Xavier, biases 0', async () => {
    const attention = new MultiheadAttention(48, 3);
    const largest = await bound(attention.in_proj_weight);
    expect(largest).toBeLessThanOrEqual(Math.sqrt(6 / (48 + 3 * 48)));
    expect(largest).toBeGreaterThan(0.17);
    expect(await bound(attention.in_proj_bias)).toBe(0);
    expect(await bound(attention.out_proj.bias)).toBe(0);
    expect(await bound(attention.out_proj.weight)).toBeGreaterThan(0.13);
  });
});

describe('seeds', () => {
  test('the same seed has the same bits on every backend, another seed others', async () => {
    const draw = async (backend: (typeof testedBackends)[number], seed: number) => {
      useBackend(backend);
      manualSeed(seed);
      const linear = new Linear(3, 4);
      return [...(await linear.weight.data()), ...((await linear.bias?.data()) ?? [])];
    };
    const first = await draw('reference', 1);
    expect(new Set(first).size).toBe(first.length);
    for (const backend of testedBackends) expect(await draw(backend, 1)).toEqual(first);
    expect(await draw('reference', 2)).not.toEqual(first);
  });

  test('two calls return different numbers', async () => {
    const normal = init.normal();
    expect(await normal([4]).data()).not.toEqual(await normal([4]).data());
  });
});
