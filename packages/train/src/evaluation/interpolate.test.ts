/** Interpolation between the weights of two models. */
import { tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { useTestBackend } from '../testing/backend.ts';
import { tinyClip } from '../testing/tiny-clip.ts';
import { interpolateStates } from './interpolate.ts';

beforeAll(useTestBackend);

describe('weights between two models', () => {
  it('are the first at 0, the second at 1, and on the line in between', async () => {
    const [a, b] = [
      tinyClip({ seed: 1 }).objective.model.stateDict(),
      tinyClip({ seed: 2 }).objective.model.stateDict(),
    ];
    for (const alpha of [0, 0.25, 1]) {
      const mixed = interpolateStates(a, b, alpha);
      expect([...mixed.keys()]).toEqual([...a.keys()]);
      for (const [name, value] of mixed) {
        const [first, second] = [await a.get(name)?.data(), await b.get(name)?.data()];
        const expected = Array.from(first ?? [], (x, k) => (1 - alpha) * x + alpha * (second?.[k] ?? Number.NaN));
        expect([...(await value.data())], name).toEqual(expected.map((x) => expect.closeTo(x, 6)));
      }
      const model = tinyClip({ seed: 3 }).objective.model;
      expect(model.loadStateDict(mixed)).toEqual({ missing: [], unexpected: [] });
    }
  });

  it('take integers from the second', async () => {
    const state = (n: number) => new Map([['num_batches_tracked', tensor(Int32Array.of(n))]]);
    expect([...((await interpolateStates(state(3), state(8), 0.5).get('num_batches_tracked')?.data()) ?? [])]).toEqual([
      8,
    ]);
  });

  it('are refused for models that differ, and outside of [0, 1]', () => {
    const [a, b] = [tinyClip().objective.model.stateDict(), tinyClip({ width: 12 }).objective.model.stateDict()];
    expect(() => interpolateStates(a, b, 0.5)).toThrow(/visual\.\S+ is f32 \[8\] in the first model, f32 \[12\]/);
    expect(() => interpolateStates(a, new Map(), 0.5)).toThrow('is only in the first model');
    expect(() => interpolateStates(a, a, 1.5)).toThrow('alpha must be in [0, 1], got 1.5');
  });
});
