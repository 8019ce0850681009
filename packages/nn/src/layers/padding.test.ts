/** Padding, cropping, shuffling and folding: against their definitions, on every backend, and what they refuse. */
import { grad } from '@tessera/autograd';
import { type Tensor, tensor, zeros } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { at, numbered } from '../testing/numbers.ts';
import { fold, unfold } from './fold.ts';
import { type PadMode, pad, ReflectionPad2d } from './padding.ts';
import { channelShuffle, pixelShuffle, pixelUnshuffle } from './shuffle.ts';

/** Where element i of the padded axis comes from on an axis of n; null for the constant. */
const sources: Readonly<Record<PadMode, (i: number, n: number) => number | null>> = {
  constant: (i, n) => (i >= 0 && i < n ? i : null),
  reflect: (i, n) => (i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i),
  replicate: (i, n) => Math.min(n - 1, Math.max(0, i)),
  circular: (i, n) => ((i % n) + n) % n,
};

describe.each(testedBackends)('on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  test.each(Object.entries(sources))('pad: %s', async (mode, from) => {
    const [rows, columns] = [4, 3];
    const x = numbered([rows, columns], 1);
    const values = await x.data();
    for (const [left, right, top, bottom] of [
      [1, 2, 3, 0],
      [0, 0, 0, 2],
      [2, 0, 1, 1],
    ] as const) {
      const output = pad(x, [left, right, top, bottom], { mode: mode as PadMode, value: 7 });
      expect(output.shape).toEqual([rows + top + bottom, columns + left + right]);
      const expected: number[] = [];
      for (let i = -top; i < rows + bottom; i++)
        for (let j = -left; j < columns + right; j++) {
          const [p, q] = [from(i, rows), from(j, columns)];
          expected.push(p === null || q === null ? 7 : at(values, p * columns + q));
        }
      expect([...(await output.data())]).toEqual(expected);
    }
  });

  test('pad crops where widths are negative, and takes integers', async () => {
    const x = tensor([1, 2, 3, 4, 5], { dtype: 'i32' });
    expect([...(await pad(x, [-1, 2], { value: 9 }).data())]).toEqual([2, 3, 4, 5, 9, 9]);
    expect([...(await pad(x, [-1, -2]).data())]).toEqual([2, 3]);
    expect([...(await pad(x, [2, -2], { mode: 'replicate' }).data())]).toEqual([1, 1, 1, 2, 3]);
    expect([...(await pad(x, [1, -1], { mode: 'reflect' }).data())]).toEqual([2, 1, 2, 3, 4]);
    // What is left of the tensor is repeated.
    expect([...(await pad(x, [2, -1], { mode: 'circular' }).data())]).toEqual([3, 4, 1, 2, 3, 4]);
  });

  test('the gradient of a border is added to what it was copied from', async () => {
    const x = tensor([1, 2, 3]);
    const of = async (mode: PadMode): Promise<number[]> => [...(await grad(pad(x, [2, 1], { mode }).sum(), x).data())];
    expect(await of('constant')).toEqual([1, 1, 1]);
    expect(await of('reflect')).toEqual([1, 3, 2]);
    expect(await of('replicate')).toEqual([3, 1, 2]);
    expect(await of('circular')).toEqual([2, 2, 2]);
  });

  test('pixelShuffle: channel r i + j makes pixel (i, j) of each square, and pixelUnshuffle undoes it', async () => {
    const x = numbered([2, 8, 2, 3], 1);
    const output = pixelShuffle(x, 2);
    const [values, shuffled] = [await x.data(), await output.data()];
    expect(output.shape).toEqual([2, 2, 4, 6]);
    for (const [n, c, y, z] of [
      [0, 0, 0, 0],
      [1, 1, 3, 4],
      [1, 0, 2, 5],
    ] as const) {
      const channel = 4 * c + 2 * (y % 2) + (z % 2);
      const source = ((n * 8 + channel) * 2 + Math.floor(y / 2)) * 3 + Math.floor(z / 2);
      expect(at(shuffled, ((n * 2 + c) * 4 + y) * 6 + z)).toBe(at(values, source));
    }
    expect(await pixelUnshuffle(output, 2).data()).toEqual(values);
  });

  test('channelShuffle takes one channel of each group in turn', async () => {
    const x = tensor([0, 1, 2, 3, 4, 5]).reshape(1, 6, 1);
    expect([...(await channelShuffle(x, 2).data())]).toEqual([0, 3, 1, 4, 2, 5]);
  });

  test('fold adds up what unfold cut out', async () => {
    const x = numbered([2, 3, 5, 4], 1);
    const options = { padding: [1, 0], stride: [2, 1], dilation: [1, 2] } as const;
    const columns = unfold(x, [3, 2], options);
    expect(columns.shape).toEqual([2, 18, 6]);
    const counts = fold(unfold(x.mul(0).add(1), [3, 2], options), [5, 4], [3, 2], options);
    expect(await fold(columns, [5, 4], [3, 2], options).data()).toEqual(await x.mul(counts).data());
    const single = x.select(0, 1);
    expect(await unfold(single, [3, 2], options).data()).toEqual(await columns.select(0, 1).data());
    expect(fold(columns.select(0, 1), [5, 4], [3, 2], options).shape).toEqual([3, 5, 4]);
  });
});

describe('refused', () => {
  beforeAll(() => useBackend('reference'));
  const image = (): Tensor => zeros([1, 4, 3, 3]);

  test('padding that does not fit', () => {
    expect(() => pad(image(), [1])).toThrow('pad: needs two whole numbers for each of at most 4 axes, got [1]');
    expect(() => pad(image(), [1, 0.5])).toThrow('got [1, 0.5]');
    expect(() => pad(zeros([3]), [1, 1, 1, 1])).toThrow('of at most 1 axes');
    expect(() => pad(image(), [3, 0], { mode: 'reflect' })).toThrow(
      "pad: mode 'reflect' can add at most 2 on either side of axis 3 of [1, 4, 3, 3], got 3 and 0",
    );
    expect(() => pad(image(), [0, 4], { mode: 'circular' })).toThrow('can add at most 3');
    expect(() => pad(image(), [-2, -2])).toThrow('pad: -2 and -2 crop more than axis 3 of [1, 4, 3, 3] has');
    expect(() => pad(image(), [1, 1], { mode: 'mirror' as PadMode })).toThrow("got 'mirror'");
    expect(() => new ReflectionPad2d([1, 2])).toThrow(
      'ReflectionPad2d: the padding must be a whole number or 4 of them, got [1, 2]',
    );
    expect(() => new ReflectionPad2d(1).forward(zeros([3, 3]))).toThrow('ReflectionPad2d: needs images [N, C, H, W]');
  });

  test('shuffles and folds that do not fit', () => {
    expect(() => pixelShuffle(image(), 3)).toThrow(
      'pixelShuffle: the channels of [1, 4, 3, 3] must be a multiple of 3 * 3',
    );
    expect(() => pixelShuffle(image(), 0)).toThrow(
      'pixelShuffle: the factor must be a whole number of at least 1, got 0',
    );
    expect(() => pixelUnshuffle(image(), 2)).toThrow('pixelUnshuffle: height and width of [1, 4, 3, 3]');
    expect(() => channelShuffle(image(), 3)).toThrow('channelShuffle: 3 groups must divide 4 channels');
    expect(() => unfold(image(), 4)).toThrow(
      'unfold: input [1, 4, 3, 3] with padding 0 has 3 rows; one window spans 4',
    );
    expect(() => fold(zeros([1, 8, 5]), 3, 2)).toThrow(
      'fold: windows of 2 x 2 have 2 x 2 positions on an output of 3 x 3',
    );
    expect(() => fold(zeros([1, 7, 4]), 3, 2)).toThrow('needs columns [N, a multiple of 4, 4]');
  });
});
