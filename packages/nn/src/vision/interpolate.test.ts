/** Resizing against PyTorch's numbers. */
import { gradcheck } from '@tessera/autograd';
import { tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { testedBackends, useBackend } from '../testing/backends.ts';
import { at, distance, numbered, numbers } from '../testing/numbers.ts';
import { type InterpolateOptions, interpolate, interpolationMatrix } from './interpolate.ts';

/** The results of PyTorch 1.13's F.interpolate for a row of numbers, in f64. */
const row = [3, -1, 4, 1, -5];
const pytorch: readonly [string, InterpolateOptions, number, readonly number[]][] = [
  ['nearest', { mode: 'nearest' }, 8, [3.0, 3.0, -1.0, -1.0, 4.0, 1.0, 1.0, -5.0]],
  ['nearest, smaller', { mode: 'nearest' }, 3, [3.0, -1.0, 1.0]],
  ['bilinear', { mode: 'bilinear' }, 8, [3.0, 1.25, -0.6875, 2.4375, 3.0625, 1.1875, -2.375, -5.0]],
  ['bilinear, smaller', { mode: 'bilinear' }, 3, [1.66666667, 4.0, -3.0]],
  [
    'bilinear, corners aligned',
    { mode: 'bilinear', alignCorners: true },
    7,
    [3.0, 0.333333333, 0.666666667, 4.0, 2.0, -1.0, -5.0],
  ],
  ['bilinear, antialiased', { mode: 'bilinear', antialias: true }, 3, [1.28571429, 2.22222222, -2.42857143]],
  [
    'bilinear, antialiased, larger',
    { mode: 'bilinear', antialias: true },
    7,
    [3.0, 0.714285714, 0.428571429, 4.0, 1.85714286, -1.57142857, -5.0],
  ],
  [
    'bicubic',
    { mode: 'bicubic' },
    8,
    [3.37133789, 0.87701416, -0.90814209, 2.66912842, 3.97894287, 1.40997314, -2.66339111, -5.55700684],
  ],
  ['bicubic, smaller', { mode: 'bicubic' }, 2, [-0.62109375, -0.67578125]],
  [
    'bicubic, corners aligned',
    { mode: 'bicubic', alignCorners: true },
    8,
    [3.0, 0.15451895, -0.670553936, 2.83381924, 4.01749271, 1.90087464, -1.83381924, -5.0],
  ],
  ['bicubic, antialiased', { mode: 'bicubic', antialias: true }, 3, [1.27692308, 2.4, -2.44615385]],
  [
    'bicubic, antialiased, larger',
    { mode: 'bicubic', antialias: true },
    7,
    [3.23300971, 0.429362881, 0.00583090379, 4.0, 2.3090379, -1.84210526, -5.34951456],
  ],
];

describe.each(testedBackends)('interpolate on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  test.each(pytorch)('%s returns what PyTorch returns', async (_, options, length, expected) => {
    const across = interpolate(tensor(row).reshape(1, 1, 1, 5), [1, length], options);
    const down = interpolate(tensor(row).reshape(1, 1, 5, 1), [length, 1], options);
    expect(across.shape).toEqual([1, 1, 1, length]);
    expect(distance(await across.data(), expected)).toBeLessThan(2e-6);
    expect(distance(await down.data(), expected)).toBeLessThan(2e-6);
  });

  test('axes are independent: rows, then columns', async () => {
    const [h, w] = [4, 5];
    const [to, options] = [[3, 7] as const, { mode: 'bicubic', antialias: true } as const];
    const x = numbers([2, 3, h, w], 1);
    const [down, across] = [interpolationMatrix(h, to[0], options), interpolationMatrix(w, to[1], options)];
    const expected: number[] = [];
    for (let image = 0; image < 6; image++)
      for (let p = 0; p < to[0]; p++)
        for (let q = 0; q < to[1]; q++) {
          let sum = 0;
          for (let i = 0; i < h; i++)
            for (let j = 0; j < w; j++)
              sum += at(down, p * h + i) * at(across, q * w + j) * at(x, (image * h + i) * w + j);
          expected.push(sum);
        }
    const output = interpolate(numbered([2, 3, h, w], 1), to, options);
    expect(distance(await output.data(), expected)).toBeLessThan(1e-5);
  });

  test('long axes, resized in several blocks, are the product with the whole matrix', async () => {
    const [from, to] = [700, 900];
    const x = numbers([1, 1, 1, from], 3);
    for (const options of [{ mode: 'bilinear' }, { mode: 'bicubic', antialias: true }] as const)
      for (const [n, m] of [
        [from, to],
        [to, from],
      ] as const) {
        const matrix = interpolationMatrix(n, m, options);
        const values = Float32Array.from({ length: n }, (_, j) => at(x, j % from));
        const expected = Array.from({ length: m }, (_, i) =>
          values.reduce((sum, value, j) => sum + value * at(matrix, i * n + j), 0),
        );
        const output = interpolate(tensor(values).reshape(1, 1, n, 1), [m, 1], options);
        expect(distance(await output.data(), expected)).toBeLessThan(1e-4);
      }
  });

  test('nearest takes single pixels: an infinite one stays where it is', async () => {
    const x = tensor([1, Number.POSITIVE_INFINITY, Number.NaN, 4, 5, 6]).reshape(1, 1, 1, 6);
    const resized = async (width: number, mode: 'nearest' | 'nearest-exact'): Promise<number[]> => [
      ...(await interpolate(x, [1, width], { mode }).data()),
    ];
    const [infinite, nan] = [Number.POSITIVE_INFINITY, Number.NaN];
    expect(await resized(12, 'nearest')).toEqual([1, 1, infinite, infinite, nan, nan, 4, 4, 5, 5, 6, 6]);
    expect(await resized(3, 'nearest')).toEqual([1, nan, 5]);
    expect(await resized(4, 'nearest')).toEqual([1, infinite, 4, 5]);
    expect(await resized(4, 'nearest-exact')).toEqual([1, nan, 4, 6]);
  });

  test('a factor sets the size, rounded down, and the positions', async () => {
    const x = tensor([0, 1, 2, 3, 4]).reshape(1, 1, 5);
    const options = { mode: 'linear', scaleFactor: 1.5 } as const;
    const output = interpolate(x, null, options);
    expect(output.shape).toEqual([1, 1, 7]);
    const positions = (step: number): number[] =>
      Array.from({ length: 7 }, (_, i) => Math.min(4, Math.max(0, (i + 0.5) * step - 0.5)));
    expect(distance(await output.data(), positions(1 / 1.5))).toBeLessThan(1e-6);
    const recomputed = interpolate(x, null, { ...options, recomputeScaleFactor: true });
    expect(distance(await recomputed.data(), positions(5 / 7))).toBeLessThan(1e-6);
  });

  test('a factor that leaves the size as it is: what PyTorch returns', async () => {
    const x = tensor([0, 1, 2, 3, 4]);
    const resized = async (shape: readonly number[], mode: 'nearest' | 'linear' | 'bicubic'): Promise<number[]> => [
      ...(await interpolate(x.reshape(shape), null, { mode, scaleFactor: 1.1 }).data()),
    ];
    expect(await resized([1, 1, 5], 'linear')).toEqual([0, 1, 2, 3, 4]);
    expect(await resized([1, 1, 5], 'nearest')).toEqual([0, 0, 1, 2, 3]);
    expect(await resized([1, 1, 5, 1], 'nearest')).toEqual([0, 1, 2, 3, 4]);
    const cubic = [-0.0310621713, 0.8087669046, 1.7248309542, 2.6423741548, 3.6760659279];
    expect(distance(await resized([1, 1, 5, 1], 'bicubic'), cubic)).toBeLessThan(2e-6);
  });

  test('at an unchanged size an image stays as it is', async () => {
    const x = numbered([1, 2, 3, 4], 2);
    for (const mode of ['nearest', 'bilinear', 'bicubic'] as const)
      expect(await interpolate(x, [3, 4], { mode }).data()).toEqual(await x.data());
  });
});

test('nearest rounds positions as PyTorch does: in f32 for f32', async () => {
  useBackend('wasm');
  // 41 * (1 / 41) is less than 1 in f32.
  for (const [dtype, at41] of [
    ['f32', 1],
    ['f64', 2],
  ] as const) {
    const x = tensor([1, 2], { dtype }).reshape(1, 1, 2);
    expect((await interpolate(x, 82).data())[41]).toBe(at41);
  }
});

test('every row of weights sums to 1', () => {
  for (const options of pytorch.map(([, given]) => given))
    for (const [from, to] of [
      [1, 4],
      [5, 1],
      [14, 28],
      [28, 14],
      [7, 5],
    ] as const) {
      const matrix = interpolationMatrix(from, to, options);
      for (let i = 0; i < to; i++)
        expect(matrix.subarray(i * from, (i + 1) * from).reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    }
});

test.each(pytorch)('derivative of %s', async (_, options, length) => {
  useBackend('reference');
  await gradcheck((x) => interpolate(x, [length, 3], options), [numbered([2, 1, 5, 4], 1).cast('f64')]);
});

test('what does not fit is refused', () => {
  useBackend('reference');
  const image = numbered([1, 1, 4, 4]);
  expect(() => interpolate(numbered([4, 4]), [2, 2])).toThrow('interpolate: needs images [N, C, H, W]');
  expect(() => interpolate(image, [0, 2])).toThrow("the output's size must be a positive whole number, got 0");
  expect(() => interpolate(image, [2.5, 2])).toThrow("the output's size must be a positive whole number, got 2.5");
  expect(() => interpolate(image, [2, 2], { mode: 'nearest', antialias: true })).toThrow(
    "do not apply to mode 'nearest'",
  );
  expect(() => interpolate(image, [2, 2], { antialias: true, alignCorners: true })).toThrow('exclude each other');
  expect(() => interpolate(image.cast('u8'), [2, 2])).toThrow('needs floating-point images, got u8');
  expect(() => interpolate(image, null)).toThrow('needs either a size or a scaleFactor');
  expect(() => interpolate(image, 2, { scaleFactor: 2 })).toThrow('needs either a size or a scaleFactor');
  expect(() => interpolate(image, null, { scaleFactor: -1 })).toThrow('the scaleFactor must be positive, got -1');
  expect(() => interpolate(image, null, { scaleFactor: 0.1 })).toThrow(
    "the output's size must be a positive whole number",
  );
  expect(() => interpolate(image, [2, 2, 2])).toThrow("the output's size must be a number or 2 of them, got [2, 2, 2]");
  expect(() => interpolate(image, 2, { mode: 'linear' })).toThrow(
    "mode 'linear' is for 1 spatial axes, got an input with 2; use 'bilinear'",
  );
});
