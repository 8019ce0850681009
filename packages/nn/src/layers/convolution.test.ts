/** Convolution against its definition, on every backend. */
import { grad, gradcheck } from '@tessera/autograd';
import { stack, type Tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { at, distance, numbered, numbers } from '../testing/numbers.ts';
import { ConvTranspose1d, ConvTranspose2d, convTranspose2d } from './conv-transpose.ts';
import { Conv1d, Conv2d, Conv3d, conv1d, conv2d, conv3d } from './convolution.ts';

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

  test('sequences and volumes are images with axes of size 1 less or more', async () => {
    const [x, w] = [numbered([2, 4, 9], 1), numbered([6, 2, 3], 2)];
    const options = { stride: 2, padding: 2, dilation: 2, groups: 2 };
    const asImages = conv2d(x.unsqueeze(2), w.unsqueeze(2), null, { ...options, padding: [0, 2] });
    expect(await conv1d(x, w, null, options).data()).toEqual(await asImages.data());
    const [y, v] = [numbered([1, 2, 4, 5, 6], 3), numbered([3, 2, 1, 2, 3], 4)];
    // With a window of one slice, each slice is an image.
    const slices = Array.from({ length: 4 }, (_, d) => conv2d(y.select(2, d), v.select(2, 0), null, { stride: 2 }));
    expect(await conv3d(y, v, null, { stride: [1, 2, 2] }).data()).toEqual(await stack(slices, 2).data());
  });

  test("padding 'same' keeps the size; of an odd number of zeros the last is behind", async () => {
    const [x, w] = [numbered([1, 1, 5], 1), numbered([1, 1, 4], 2)];
    const padded = conv1d(
      x.pad([
        [0, 0],
        [0, 0],
        [1, 2],
      ]),
      w,
    );
    expect(await conv1d(x, w, null, { padding: 'same' }).data()).toEqual(await padded.data());
    expect(
      conv2d(numbered([2, 1, 5, 6]), numbered([3, 1, 4, 3]), null, { padding: 'same', dilation: 2 }).shape,
    ).toEqual([2, 3, 5, 6]);
    expect(await conv1d(x, w, null, { padding: 'valid' }).data()).toEqual(await conv1d(x, w).data());
  });

  test('without the batch axis', async () => {
    const [x, w] = [numbered([2, 4, 5], 1), numbered([3, 2, 3, 3], 2)];
    const [single, batch] = [conv2d(x, w), conv2d(x.unsqueeze(0), w)];
    expect(single.shape).toEqual([3, 2, 3]);
    expect(await single.data()).toEqual(await batch.data());
  });

  test.each(Object.entries(cases))(
    'the transposed convolution is the adjoint: %s',
    async (_, { input, weight, ...options }) => {
      const [x, w] = [numbered(input, 1), numbered(weight, 2)];
      const y = conv2d(x, w, null, options);
      const cotangent = numbered(y.shape, 3);
      // sum(conv(x) y) = sum(x convTranspose(y)): the gradient of the left side, without the rows and columns that no window reached.
      const gradient = grad(y.mul(cotangent).sum(), x);
      const adjoint = convTranspose2d(cotangent, w, null, options);
      const [, , height = 0, width = 0] = adjoint.shape;
      expect(adjoint.shape.slice(0, 2)).toEqual(x.shape.slice(0, 2));
      const [, , h, v] = input;
      const reached = gradient.slice(2, 0, height).slice(3, 0, width);
      expect(distance(await adjoint.slice(2, 0, h).slice(3, 0, v).data(), await reached.data())).toBe(0);
    },
  );

  test('the layer chooses the size of a transposed convolution', () => {
    const layer = new ConvTranspose2d(3, 2, 3, { stride: 2, padding: 1 });
    const x = numbered([1, 3, 4, 5]);
    expect(layer.forward(x).shape).toEqual([1, 2, 7, 9]);
    expect(layer.forward(x, [8, 9]).shape).toEqual([1, 2, 8, 9]);
    expect(() => layer.forward(x, [9, 9])).toThrow(
      'ConvTranspose2d: an input of size [4, 5] cannot have an output of size [9, 9]: axis 0 can have 7 to 8',
    );
  });
});

describe('the convolution layers', () => {
  beforeAll(() => useBackend('reference'));

  test('names, shapes and initial values are those of PyTorch', async () => {
    const layers = {
      Conv1d: [new Conv1d(4, 6, 3, { groups: 2 }), [6, 2, 3], 6 ** -0.5],
      Conv3d: [new Conv3d(2, 3, [1, 2, 3]), [3, 2, 1, 2, 3], 12 ** -0.5],
      ConvTranspose1d: [new ConvTranspose1d(4, 6, 3, { groups: 2 }), [4, 3, 3], 9 ** -0.5],
      ConvTranspose2d: [new ConvTranspose2d(40, 60, [5, 4]), [40, 60, 5, 4], 1200 ** -0.5],
    } as const;
    for (const [name, [layer, shape, bound]] of Object.entries(layers)) {
      expect([name, ...layer.stateDict().keys()]).toEqual([name, 'weight', 'bias']);
      expect(layer.weight.shape).toEqual(shape);
      for (const values of [await layer.weight.data(), (await layer.bias?.data()) ?? []])
        for (const value of values) expect(Math.abs(value)).toBeLessThanOrEqual(bound + 1e-7);
    }
    const values = await new ConvTranspose2d(40, 60, [5, 4]).weight.data();
    expect(Math.max(...values.slice(0, 10_000))).toBeGreaterThan(0.98 * 1200 ** -0.5);
    expect([...new Conv1d(4, 6, 3, { bias: false }).stateDict().keys()]).toEqual(['weight']);
  });

  test('what makes no sense is refused', () => {
    expect(() => new Conv2d(3, 4, 3, { groups: 2 })).toThrow('Conv2d: 2 groups must divide 3 and 4 channels');
    expect(() => new Conv2d(2.5, 4, 3)).toThrow('Conv2d: inChannels must be a whole number of at least 1, got 2.5');
    expect(() => new Conv1d(0, 4, 3)).toThrow('Conv1d: inChannels must be a whole number of at least 1, got 0');
    expect(() => new Conv2d(3, 4, 3, { paddingMode: 'mirror' as 'reflect' })).toThrow(
      "Conv2d: the paddingMode must be zeros, reflect, replicate or circular, got 'mirror'",
    );
    expect(() => new Conv2d(3, 4, 3, { padding: 'full' as 'same' })).toThrow("must be same or valid, got 'full'");
    expect(() => conv2d(numbered([1, 3, 4, 4]), numbered([3, 3, 2, 2]), null, { groups: 0 })).toThrow(
      'conv2d: groups must be a whole number of at least 1, got 0',
    );
    expect(() => new Conv2d(3, 4, 0)).toThrow("Conv2d: the window's size must be");
    expect(() => new Conv2d(3, 4, 3, { padding: 'same', stride: 2 })).toThrow("Conv2d: padding 'same' needs stride 1");
    expect(() => new ConvTranspose1d(3, 4, 3, { stride: 2, outputPadding: 2 })).toThrow(
      'ConvTranspose1d: the output padding must be smaller than the stride or the dilation, got 2 for stride 2 and dilation 1',
    );
    expect(() => new Conv2d(3, 4, 3, { padding: 4, paddingMode: 'reflect' }).forward(numbered([1, 3, 4, 4]))).toThrow(
      "pad: mode 'reflect' can add at most 3",
    );
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

  test('biases and weights of other shapes', () => {
    const [x, w] = [numbered([1, 3, 5, 5]), numbered([2, 3, 3, 3])];
    expect(() => conv2d(x, w, numbered([2, 1, 1]))).toThrow('conv2d: the bias has shape [2, 1, 1], [2] is expected');
    expect(() => conv2d(x.cast('i32'), w.cast('i32'))).toThrow(
      'conv2d: input must be floating point, got i32 [1, 3, 5, 5]; cast it',
    );
    expect(() => conv2d(x, numbered([2, 3, 3]))).toThrow('conv2d: needs a weight [O, C / groups, h, w]');
    expect(() => convTranspose2d(x, numbered([2, 3, 3, 3]))).toThrow(
      'convTranspose2d: input [1, 3, 5, 5] does not fit',
    );
    expect(() => convTranspose2d(x, numbered([3, 2, 3, 3]), null, { padding: 4 })).toThrow(
      'would have an output of size [-1, -1]',
    );
  });

  test('what is not a batch of images', () => {
    expect(attempt([5, 5], [2, 3, 3, 3])).toThrow(
      'conv2d: needs images [N, C, H, W] or [C, H, W], got a tensor of shape [5, 5]',
    );
  });
});
