/** Linear maps: forms of the weight, and what is refused. */
import { ones, tensor, zeros } from '@tessera/tensor';
import { beforeAll, expect, test } from 'vitest';
import { useBackend } from '../testing/backends.ts';
import { Bilinear, bilinear, Linear, linear } from './linear.ts';

beforeAll(() => useBackend('reference'));

test('a weight of one axis has one output without an axis', async () => {
  expect(
    await linear(
      tensor([
        [1, 2],
        [3, 4],
      ]),
      tensor([1, 10]),
      tensor(0.5),
    ).toArray(),
  ).toEqual([21.5, 43.5]);
  expect(await linear(tensor([1, 2]), tensor([1, 10])).item()).toBe(21);
});

test('a bilinear map is a product with each output', async () => {
  const weight = tensor([
    [
      [1, 2],
      [0, 1],
    ],
    [
      [0, 0],
      [1, 1],
    ],
  ]);
  expect(await bilinear(tensor([3, 4]), tensor([1, 2]), weight, tensor([0, 100])).toArray()).toEqual([
    3 * 5 + 4 * 2,
    112,
  ]);
  expect(new Bilinear(3, 4, 2).forward(ones([5, 1, 3]), ones([5, 1, 4])).shape).toEqual([5, 1, 2]);
});

test.each<[string, () => unknown]>([
  ['Linear: inFeatures must be a whole number of at least 1, got 2.5', () => new Linear(2.5, 2)],
  ['Linear: inFeatures must be a whole number of at least 1, got 0', () => new Linear(0, 2)],
  ['Linear: inFeatures must be a whole number of at least 1, got -1', () => new Linear(-1, 2)],
  ['Linear: outFeatures must be a whole number of at least 1, got NaN', () => new Linear(2, Number.NaN)],
  ["Linear: outFeatures must be a whole number of at least 1, got '2'", () => new Linear(2, '2' as never)],
  ['Bilinear: in2Features must be a whole number of at least 1, got 0', () => new Bilinear(1, 0, 1)],
  ['linear: the input must be a tensor, got an array', () => linear([1, 2, 3] as never, ones([2, 3]))],
  ['linear: the weight must be a tensor, got null', () => linear(ones([1, 3]), null as never)],
  ['linear: the bias has shape [4, 2], [2] is expected', () => linear(ones([1, 3]), ones([2, 3]), ones([4, 2]))],
  ['linear: the bias has shape [3], [2] is expected', () => linear(ones([1, 3]), ones([2, 3]), ones([3]))],
  ['linear: the bias has shape [1], [] is expected', () => linear(ones([1, 3]), ones([3]), ones([1]))],
  ['linear: the weight must be [out, in] or [in], got [1, 2, 3]', () => linear(ones([1, 3]), ones([1, 2, 3]))],
  [
    'linear: input [1, 4] does not fit weight [2, 3]: the last axis must have size 3',
    () => linear(ones([1, 4]), ones([2, 3])),
  ],
  ['bilinear: inputs [3] and [2, 4] and weight [2, 3, 4]', () => bilinear(zeros([3]), zeros([2, 4]), zeros([2, 3, 4]))],
])('%s', (message, call) => {
  expect(call).toThrow(message);
});
