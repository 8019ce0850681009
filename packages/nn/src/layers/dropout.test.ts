/** Dropout: its share, its seed, and its modes. */
import { compile, manualSeed, ones, randn, type Tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { AlphaDropout, alphaDropout, Dropout, dropout, dropout1d, dropout2d, dropout3d } from './dropout.ts';

describe.each(testedBackends)('dropout on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  test('drops the given share, and keeps the mean', async () => {
    manualSeed(5);
    const values = await dropout(ones([10_000]), 0.2).data();
    const dropped = values.filter((x) => x === 0).length;
    // 2,000 are expected, with a standard deviation of 40.
    expect(Math.abs(dropped - 2000)).toBeLessThan(200);
    expect(values.every((x) => x === 0 || Math.abs(x - 1.25) < 1e-6)).toBe(true);
  });

  test('the seed repeats the choice; each call makes its own', async () => {
    const draw = (): Promise<ArrayLike<number>> => dropout(ones([100])).data();
    manualSeed(5);
    const [first, second] = [await draw(), await draw()];
    expect(second).not.toEqual(first);
    manualSeed(5);
    expect(await draw()).toEqual(first);
  });

  test('each run of a compiled step chooses other elements', async () => {
    manualSeed(5);
    const step = compile((x: Tensor) => dropout(x));
    const [first, second] = [await (await step(ones([100]))).data(), await (await step(ones([100]))).data()];
    expect(second).not.toEqual(first);
    step.dispose();
  });

  test('nothing happens in evaluation; everything is dropped at 1', async () => {
    const input = ones([3]);
    expect(new Dropout().eval().forward(input)).toBe(input);
    expect(await dropout(input, 1).data()).toEqual(new Float32Array(3));
    expect(() => dropout(input, 1.5)).toThrow('dropout: the probability must be in [0, 1], got 1.5');
  });

  test('whole channels are dropped together', async () => {
    manualSeed(7);
    const kinds = [
      [dropout1d, [40, 25, 3]],
      [dropout2d, [40, 25, 2, 3]],
      [dropout2d, [40, 25, 3]],
      [dropout3d, [40, 25, 1, 2, 3]],
    ] as const;
    for (const [drop, shape] of kinds) {
      const channels = (await drop(ones(shape), 0.25).reshape(1000, -1).toArray()) as number[][];
      const expected = Math.fround(1 / 0.75);
      for (const channel of channels)
        expect(channel.every((x) => x === channel[0] && (x === 0 || Math.abs(x - expected) < 1e-6))).toBe(true);
      // 250 of 1,000 are expected, with a standard deviation of 14.
      expect(Math.abs(channels.filter(([x]) => x === 0).length - 250)).toBeLessThan(70);
    }
    expect(
      (
        await dropout1d(ones([1000, 3]), 0.5)
          .max(1)
          .data()
      ).filter((x) => x === 0).length,
    ).toBeGreaterThan(400);
  });

  test('alpha dropout keeps mean 0 and variance 1', async () => {
    manualSeed(8);
    const dropped = alphaDropout(randn([20_000]), 0.3);
    expect(await dropped.mean().item()).toBeCloseTo(0, 1);
    expect(await dropped.variance().item()).toBeCloseTo(1, 1);
    const values = [...(await dropped.data())];
    const floor = -1.7580993408473766;
    const scale = ((floor ** 2 * 0.3 + 1) * 0.7) ** -0.5;
    const bottom = (floor - 0.3 * floor) * scale;
    const atBottom = values.filter((x) => Math.abs(x - bottom) < 1e-5).length;
    expect(Math.abs(atBottom - 6000)).toBeLessThan(400);
    expect(new AlphaDropout(0.3).eval().forward(dropped)).toBe(dropped);
  });

  test('inputs and probabilities that do not fit are refused', () => {
    expect(() => dropout1d(ones([2]))).toThrow('dropout1d: the input must be [N, C, L] or [C, L], got [2]');
    expect(() => dropout2d(ones([2, 2]))).toThrow('dropout2d: the input must be [N, C, H, W] or [N, C, L], got [2, 2]');
    expect(() => dropout3d(ones([2, 2]))).toThrow('dropout3d: the input must be');
    expect(() => alphaDropout(ones([2]), -1)).toThrow('alphaDropout: the probability must be in [0, 1], got -1');
    expect(() => new Dropout(Number.NaN)).toThrow('Dropout: the probability must be in [0, 1], got NaN');
  });
});
