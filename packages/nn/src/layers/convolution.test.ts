/** Convolution against its definition, on every backend. */
import { gradcheck } from '@tessera/autograd';
import type { Tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { at, distance, numbered, numbers } from '../testing/numbers.ts';
import { conv2d } from './convolution.ts';

interface Case {
  readonly input: readonly [n: number, c: number, h: number, w: number];
  readonly weight: readonly [o: number, c: number, h: number, w: number];
  readonly stride?: number | readonly [number, number];
  readonly padding?: number | readonly [number, number];
  readonly dilation?: number | readonly [number, number];
  readonly groups?: number;
}

const two = (value: number | readonly [number, number] = 1): readonly [number, number] =>
  typeof value === 'number' ? [value, value] : value;

/** The definition, one product at a time. */
function direct({ input, weight, stride, padding = 0, dilation, groups = 1 }: Case): {
  shape: number[];
  data: number[];
} {
  const [x, w] = [numbers(input, 1), numbers(weight, 2)];
  const [n, c, height, width] = input;
  const [o, perGroup, kh, kw] = weight;
  const [sy, sx] = two(stride);
  const [py, px] = two(padding);
  const [dy, dx] = two(dilation);
  const rows = Math.floor((height + 2 * py - dy * (kh - 1) - 1) / sy) + 1;
  const columns = Math.floor((width + 2 * px - dx * (kw - 1) - 1) / sx) + 1;
  const data: number[] = [];
  for (let b = 0; b < n; b++)
    for (let out = 0; out < o; out++)
      for (let p = 0; p < rows; p++)
        for (let q = 0; q < columns; q++) {
          let sum = 0;
          for (let k = 0; k < perGroup; k++)
            for (let i = 0; i < kh; i++)
              for (let j = 0; j < kw; j++) {
                const [y, z] = [p * sy + i * dy - py, q * sx + j * dx - px];
                if (y < 0 || y >= height || z < 0 || z >= width) continue;
                const channel = Math.floor(out / (o / groups)) * perGroup + k;
                const pixel = at(x, ((b * c + channel) * height + y) * width + z);
                sum += pixel * at(w, ((out * perGroup + k) * kh + i) * kw + j);
              }
          data.push(sum);
        }
  return { shape: [n, o, rows, columns], data };
}

const cases: Record<string, Case> = {
  'one by one': { input: [2, 3, 4, 5], weight: [4, 3, 1, 1] },
  'one by one, stride 2': { input: [2, 3, 5, 4], weight: [4, 3, 1, 1], stride: 2 },
  'three by three, padded': { input: [2, 3, 5, 6], weight: [4, 3, 3, 3], padding: 1 },
  'two strides, two paddings': { input: [1, 2, 7, 8], weight: [3, 2, 3, 2], stride: [2, 1], padding: [0, 2] },
  patches: { input: [2, 3, 8, 12], weight: [5, 3, 4, 4], stride: 4 },
  'patches that do not fill the image': { input: [1, 3, 7, 9], weight: [2, 3, 2, 3], stride: [2, 3] },
  'gaps between windows': { input: [1, 2, 9, 9], weight: [2, 2, 2, 2], stride: 3 },
  groups: { input: [2, 4, 5, 5], weight: [6, 2, 3, 3], groups: 2, padding: 1 },
  'depth-wise': { input: [2, 3, 5, 5], weight: [3, 1, 3, 3], groups: 3 },
  dilation: { input: [1, 2, 9, 8], weight: [2, 2, 3, 3], dilation: [3, 2], padding: 2 },
  'dilated window as wide as its stride': { input: [1, 1, 8, 8], weight: [1, 1, 2, 2], dilation: 2, stride: 2 },
};

describe.each(testedBackends)('conv2d on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  test.each(Object.entries(cases))('%s', async (_, spec) => {
    const { input, weight, ...options } = spec;
    const expected = direct(spec);
    const output = conv2d(numbered(input, 1), numbered(weight, 2), null, options);
    expect(output.shape).toEqual(expected.shape);
    expect(distance(await output.data(), expected.data)).toBe(0);
  });

  test('the bias is added to each channel', async () => {
    const [x, w, b] = [numbered([1, 2, 3, 3], 1), numbered([2, 2, 2, 2], 2), numbered([2], 3)];
    const without = (await conv2d(x, w).toArray()) as number[][][][];
    const biases = await b.data();
    const expected = without.map((image) =>
      image.map((channel, o) => channel.map((row) => row.map((value) => value + at(biases, o)))),
    );
    expect(await conv2d(x, w, b).toArray()).toEqual(expected);
  });
});

describe('derivatives of conv2d', () => {
  beforeAll(() => useBackend('reference'));

  test.each(Object.entries(cases))('%s', async (_, { input, weight, ...options }) => {
    const [x, w] = [numbered(input, 1).cast('f64'), numbered(weight, 2).cast('f64')];
    await gradcheck((a, b) => conv2d(a, b, null, options), [x, w]);
  });
});

describe('conv2d refuses', () => {
  beforeAll(() => useBackend('reference'));
  const attempt =
    (input: number[], weight: number[], options = {}) =>
    (): Tensor =>
      conv2d(numbered(input), numbered(weight), null, options);

  test('channels that do not fit', () => {
    expect(attempt([1, 4, 5, 5], [2, 3, 3, 3])).toThrow(
      'conv2d: input [1, 4, 5, 5] does not fit weight [2, 3, 3, 3] with 1 groups: 4 channels given, 3 expected',
    );
    expect(attempt([1, 4, 5, 5], [3, 2, 3, 3], { groups: 2 })).toThrow('with 2 groups');
  });

  test('images smaller than one window', () => {
    expect(attempt([1, 3, 5, 2], [2, 3, 3, 3])).toThrow(
      'conv2d: input [1, 3, 5, 2] with padding 0 has 2 columns; one window spans 3',
    );
  });

  test('what is not a batch of images', () => {
    expect(attempt([5, 5], [2, 3, 3, 3])).toThrow(
      'conv2d: needs images [N, C, H, W] or [C, H, W], got a tensor of shape [5, 5]',
    );
  });
});
