/** Stochastic depth: whole samples are dropped. */
import { manualSeed, ones } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { DropPath, dropPath } from './drop-path.ts';

describe.each(testedBackends)('dropPath on %s', (backend) => {
  beforeAll(() => {
    useBackend(backend);
    manualSeed(5);
  });

  test('drops whole samples and scales the others', async () => {
    const samples = (await dropPath(ones([400, 2, 3]), 0.25).toArray()) as number[][][];
    const values = samples.map((sample) => new Set(sample.flat()));
    for (const own of values) expect(own.size, 'a sample is dropped or kept as a whole').toBe(1);
    const kept = values.flatMap((own) => [...own]).filter((value) => value !== 0);
    for (const value of kept) expect(value).toBeCloseTo(1 / 0.75, 6);
    expect(kept.length).toBeGreaterThan(260);
    expect(kept.length).toBeLessThan(340);
  });

  test('does nothing in evaluation, and drops all at 1', async () => {
    const x = ones([4, 3]);
    expect(new DropPath(0.5).eval().forward(x)).toBe(x);
    expect(new Set(await dropPath(x, 1).data())).toEqual(new Set([0]));
    expect(() => dropPath(x, 1.5)).toThrow('dropPath: the probability must be in [0, 1], got 1.5');
  });
});
