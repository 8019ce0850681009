import { manualSeed, ones } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { DropPath } from '../layers/index.ts';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { dropPath } from './drop-path.ts';

describe.each(testedBackends)('dropPath on %s', (backend) => {
  beforeAll(() => {
    useBackend(backend);
    manualSeed(5);
  });

  test('drops whole samples and scales the others', async () => {
    const samples = (await dropPath(ones([400, 2, 3]), 0.25).toArray()) as number[][][];
    const kept = samples.filter((sample) => sample[0][0] !== 0);
    for (const sample of samples) expect(new Set(sample.flat()).size, 'all numbers of a sample share its fate').toBe(1);
    for (const sample of kept) expect(sample[0][0]).toBeCloseTo(1 / 0.75, 6);
    expect(kept.length).toBeGreaterThan(260);
    expect(kept.length).toBeLessThan(340);
  });

  test('does nothing in evaluation, and drops all at 1', async () => {
    const x = ones([4, 3]);
    expect(new DropPath(0.5).eval().forward(x)).toBe(x);
    expect(new Set(await dropPath(x, 1).data())).toEqual(new Set([0]));
    expect(() => dropPath(x, 1.5)).toThrow('dropPath: the probability must lie in [0, 1], got 1.5');
  });
});
