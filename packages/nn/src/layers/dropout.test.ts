/** Dropout: its share, its seed, and its modes. */
import { compile, manualSeed, ones, type Tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { Dropout, dropout } from './dropout.ts';

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
});
