/** One token of each sequence, and its gradient. */
import { grad } from '@tessera/autograd';
import { registerReferenceBackends, setDefaultBackend, type Tensor, tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { numbered } from '../testing/numbers.ts';
import { tokenAt } from './token-at.ts';

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('reference');
});

/** [N, L, E] */
const ids = (): Tensor => tensor([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], { shape: [2, 3, 2] });

describe('one token of each sequence', () => {
  test('at one place of all, or at a place of each', async () => {
    const first = { batchFirst: true };
    expect(await tokenAt(ids(), 1, first).toArray()).toEqual([[[3, 4]], [[9, 10]]]);
    expect(await tokenAt(ids(), tensor(Int32Array.of(2, 0)), first).toArray()).toEqual([[[5, 6]], [[7, 8]]]);
    const timeFirst = ids().transpose(0, 1);
    expect(await tokenAt(timeFirst, 1).toArray()).toEqual([
      [
        [3, 4],
        [9, 10],
      ],
    ]);
    expect(await tokenAt(timeFirst, tensor(Int32Array.of(2, 0))).toArray()).toEqual([
      [
        [5, 6],
        [7, 8],
      ],
    ]);
  });

  test('its derivative is zero elsewhere', async () => {
    const x = numbered([2, 3, 2], 1);
    const weights = numbered([2, 1, 2], 2);
    for (const [position, places] of [
      [1, [1, 1]],
      [tensor(Int32Array.of(2, 0)), [2, 0]],
    ] as const) {
      const [gradient] = grad(tokenAt(x, position, { batchFirst: true }).mul(weights).sum(), [x]);
      const expected = (await weights.toArray()) as number[][][];
      const found = (await gradient?.toArray()) as number[][][];
      found.forEach((sequence, n) => {
        sequence.forEach((token, l) => {
          expect(token).toEqual(l === places[n] ? expected[n]?.[0] : [0, 0]);
        });
      });
    }
  });

  test('what does not fit is refused', () => {
    expect(() => tokenAt(ids(), 3, { batchFirst: true })).toThrow(
      'tokenAt: position 3 is outside of sequences of 3 tokens',
    );
    expect(() => tokenAt(ids(), -1)).toThrow('position -1 is outside');
    expect(() => tokenAt(ids(), tensor(Int32Array.of(0, 1, 1)), { batchFirst: true })).toThrow(
      'tokenAt: 2 sequences need positions i32 [2], got i32 [3]',
    );
    expect(() => tokenAt(ids(), tensor([0, 1], { dtype: 'f32' }), { batchFirst: true })).toThrow('got f32 [2]');
    expect(() => tokenAt(tensor([1, 2]), 0)).toThrow('needs sequences of two or more axes, got [2]');
  });
});
