import { describe, expect, it } from 'vitest';
import { castNumber, elementCode } from '../../../kernel/dtype.ts';
import type { Instruction, Program } from '../../../kernel/kernel.ts';
import { nth } from '../../../kernel/nth.ts';
import { sizeOf } from '../../../kernel/shape.ts';
import { locate, padView, permuteView, type View, windowView } from '../../../kernel/view.ts';
import { runKernel } from '../../interpret-kernels.ts';
import type { Features } from '../emit/features.ts';
import { compileOptimized, setRevectorizer } from '../threads/engine.ts';
import { platform } from '../threads/this-platform.ts';
import {
  contiguous,
  contractKernel,
  eachIndex,
  KernelHarness,
  plainProduct,
  randomNumbers,
  reachOf,
  type Sizes,
  storeProgram,
  strided,
} from './contract.testing.ts';

const variants: readonly (Features & { name: string })[] = [
  { name: 'paired vectors', relaxedSimd: true, wideTiles: true },
  { name: 'single vectors', relaxedSimd: true, wideTiles: false },
  { name: 'without multiply-add', relaxedSimd: false, wideTiles: false },
];

setRevectorizer(platform, platform.env('TESSERA_REVECTORIZE') !== '0');

/** Uses both of V8's compilers: the optimizing one, with its re-vectorizer, for two threads. */
const compileFor = (threads: number) =>
  threads === 2
    ? (bytes: Uint8Array<ArrayBuffer>) => compileOptimized(platform, bytes)
    : (bytes: Uint8Array<ArrayBuffer>) => new WebAssembly.Module(bytes);

/** The largest absolute error; NaN if any error is NaN. */
function largestError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(nth(actual, i) - nth(expected, i));
    if (!(error <= largest)) largest = error;
    if (Number.isNaN(error)) return error;
  }
  return largest;
}

/** Runs a product with operands of dtype `element` in every variant, on one, two and three threads, and compares it with plain loops. */
function check(
  element: 'f32' | 'f64' | 'f16' | 'bf16',
  sizes: Sizes,
  a: View,
  b: View,
  out: View = contiguous([...sizes.batch, ...sizes.m, ...sizes.n]),
  among: readonly (Features & { name: string })[] = variants,
): void {
  const dtype = element === 'f64' ? 'f64' : 'f32';
  const { encode } = elementCode(element);
  const kernel = contractKernel(dtype, sizes, a, b, storeProgram(dtype, 2, out));
  const lengths = [reachOf(a), reachOf(b), reachOf(out)] as const;
  const random = randomNumbers(JSON.stringify(sizes).length);
  const operand = (length: number): Float64Array =>
    Float64Array.from({ length }, () => castNumber[element](Math.fround(random())));
  const [left, right] = [operand(lengths[0]), operand(lengths[1])];
  const expected = plainProduct(kernel, left, right);
  // Factors are uniform in [-1, 1], so the sum of i products is about sqrt(i) / 3, and adding the next rounds it by up to half an ulp. A
  // chain of k such errors has a standard deviation of about k / (3 sqrt(6)) half ulps of 1; six of them do not occur.
  const halfUlp = dtype === 'f32' ? 2 ** -24 : 2 ** -53;
  const tolerance = halfUlp * (1 + (6 * sizeOf(sizes.k)) / (3 * Math.sqrt(6)));
  let first: string | null = null;
  for (const features of among)
    for (const threads of [1, 2, 3]) {
      const harness = new KernelHarness(
        kernel,
        [element, element, dtype],
        lengths,
        features,
        threads,
        compileFor(threads),
      );
      harness.buffer(0).set(left.map(encode));
      harness.buffer(1).set(right.map(encode));
      const result = harness.buffer(2);
      result.fill(Number.NaN);
      const guard = new Uint8Array(harness.memory.buffer, nth(harness.addresses, 2) + result.byteLength, 64);
      guard.fill(77);
      harness.run(threads);
      const label = `${element} ${JSON.stringify(sizes)} ${features.name}, ${threads} threads`;
      expect(
        guard.every((byte) => byte === 77),
        `${label}: wrote past the end`,
      ).toBe(true);
      const actual = new Float64Array(expected.length);
      let flat = 0;
      eachIndex(out.shape, (index) => {
        actual[flat++] = nth(result, locate(out, index));
      });
      expect(largestError(actual, expected), label).toBeLessThanOrEqual(tolerance);
      // The bits must not depend on the number of threads, and with multiply-add not on the layout either.
      if (!features.relaxedSimd) continue;
      const bits = Buffer.from(result.buffer, result.byteOffset, result.byteLength).toString('base64');
      if (first === null) first = bits;
      expect(bits === first, `${label}: bits differ`).toBe(true);
    }
}

const lengths = [0, 1, 3, 4, 5, 50, 65, 77, 197, 257];

describe('matrix products', () => {
  it.each(lengths)('of every size next to m = %i', (m) => {
    for (const n of lengths)
      for (const k of [0, 1, 5, 65]) {
        check('f32', { batch: [], m: [m], n: [n], k: [k] }, contiguous([m, k]), contiguous([k, n]));
      }
  });

  it.each(lengths)('with every k: %i', (k) => {
    for (const [m, n] of [
      [5, 77],
      [65, 50],
    ] as const) {
      check('f32', { batch: [], m: [m], n: [n], k: [k] }, contiguous([m, k]), contiguous([k, n]));
      check('f64', { batch: [], m: [m], n: [n], k: [k] }, contiguous([m, k]), contiguous([k, n]));
    }
  });

  it.each(['f32', 'f64', 'f16', 'bf16'] as const)('with either operand and the result transposed, %s', (dtype) => {
    for (const [m, n, k] of [
      [65, 77, 50],
      [17, 50, 600],
      [4, 16, 8],
      [150, 3, 321],
    ] as const)
      for (const orderA of [
        [0, 1],
        [1, 0],
      ])
        for (const orderB of [
          [0, 1],
          [1, 0],
        ])
          for (const orderC of [
            [0, 1],
            [1, 0],
          ])
            check(
              dtype,
              { batch: [], m: [m], n: [n], k: [k] },
              strided([m, k], orderA),
              strided([k, n], orderB),
              strided([m, n], orderC),
            );
  });

  it('of a batch, with broadcast operands and merged heads', () => {
    const [B, H, T, D] = [2, 3, 17, 8] as const;
    const heads = { batch: [B, H], m: [T], n: [T], k: [D] };
    // q, k: [B, T, H, D] in memory.
    const q = permuteView(contiguous([B, T, H, D]), [0, 2, 1, 3]);
    const kT = permuteView(contiguous([B, T, H, D]), [0, 2, 3, 1]);
    check('f32', heads, q, kT);
    // Attention times values, with merged heads in the result.
    const out = permuteView(contiguous([B, T, H, D]), [0, 2, 1, 3]);
    check('f32', { batch: [B, H], m: [T], n: [D], k: [T] }, contiguous([B, H, T, T]), q, out);
    // One operand that is the same for the whole batch.
    const shared: View = { shape: [B, H, D, T], offset: 0, strides: [0, 0, T, 1], guards: [] };
    check('f32', heads, q, shared);
  });
});

describe('many axes', () => {
  it('none of which merge', () => {
    const [batch, m, n, k] = [
      [2, 3],
      [2, 3, 2, 4],
      [3, 2, 2, 5],
      [2, 2, 3, 2],
    ];
    const reversed = (shape: readonly number[]): View => strided(shape, [...shape.keys()].reverse());
    const mixed = (shape: readonly number[]): View =>
      strided(
        shape,
        [...shape.keys()].sort((i, j) => ((i * 7) % 11) - ((j * 7) % 11)),
      );
    for (const layout of [reversed, mixed])
      check(
        'f32',
        { batch, m, n, k },
        layout([...batch, ...m, ...k]),
        layout([...batch, ...k, ...n]),
        layout([...batch, ...m, ...n]),
      );
  });
});

describe('convolutions', () => {
  const cases = [
    { batch: 2, channels: 3, filters: 5, size: 9, window: 3, stride: 1, padding: 1 },
    { batch: 2, channels: 4, filters: 6, size: 16, window: 3, stride: 2, padding: 1 },
    { batch: 3, channels: 2, filters: 18, size: 8, window: 5, stride: 1, padding: 2 },
    { batch: 1, channels: 20, filters: 4, size: 33, window: 3, stride: 1, padding: 1 },
    { batch: 2, channels: 3, filters: 8, size: 12, window: 4, stride: 4, padding: 0 },
  ];
  it.each(cases)('%o', ({ batch, channels, filters, size, window, stride, padding }) => {
    // Input [batch, channels, y, x], windowed: [batch, channels, oy, ox, ky, kx].
    const padded = padView(
      contiguous([batch, channels, size, size]),
      [0, 0, padding, padding],
      [0, 0, padding, padding],
    );
    const spec = { size: window, stride, dilation: 1 };
    const windows = windowView(padded, [
      { axis: 2, ...spec },
      { axis: 3, ...spec },
    ]);
    const outSize = nth(windows.shape, 2);
    const out = [batch, filters, outSize, outSize];
    const weights = contiguous([filters, channels, window, window]);
    for (const dtype of ['f32', 'f64', 'f16', 'bf16'] as const) {
      // out[f, b, oy, ox] = sum over (c, ky, kx) of weights[f, c, ky, kx] * windows
      check(
        dtype,
        { batch: [], m: [filters], n: [batch, outSize, outSize], k: [channels, window, window] },
        weights,
        permuteView(windows, [1, 4, 5, 0, 2, 3]),
        permuteView(contiguous(out), [1, 0, 2, 3]),
      );
      // Weight gradient: sum over (b, oy, ox) of gradient[b, f, oy, ox] * windows
      check(
        dtype,
        { batch: [], m: [filters], n: [channels, window, window], k: [batch, outSize, outSize] },
        permuteView(contiguous(out), [1, 0, 2, 3]),
        permuteView(windows, [0, 2, 3, 1, 4, 5]),
      );
    }
    // Input gradient at stride 1: sum over (f, ty, tx) of weights[f, c, ty, tx] * gradient[b, f, y + padding - ty, x + padding - tx].
    if (stride === 1) {
      const gradient = contiguous(out);
      const flow: View = {
        shape: [filters, window, window, batch, size, size],
        offset: padding * outSize + padding,
        strides: [nth(gradient.strides, 1), -outSize, -1, nth(gradient.strides, 0), outSize, 1],
        guards: [
          { coefficients: [0, -1, 0, 0, 1, 0], low: -padding, high: outSize - padding },
          { coefficients: [0, 0, -1, 0, 0, 1], low: -padding, high: outSize - padding },
        ],
      };
      check(
        'f32',
        { batch: [], m: [channels], n: [batch, size, size], k: [filters, window, window] },
        permuteView(weights, [1, 0, 2, 3]),
        flow,
        permuteView(contiguous([batch, channels, size, size]), [1, 0, 2, 3]),
      );
    }
  });

  it('guards with coefficients other than one, on either operand and on the batch', () => {
    const sizes = { batch: [3], m: [7], n: [21], k: [2, 9] };
    const a: View = {
      shape: [3, 7, 2, 9],
      offset: 5,
      strides: [200, 20, 10, 1],
      guards: [
        { coefficients: [1, 2, 0, -3], low: -11, high: 6 },
        { coefficients: [0, 0, 1, 1], low: 2, high: 8 },
      ],
    };
    const b: View = {
      shape: [3, 2, 9, 21],
      offset: 60,
      strides: [600, 300, 30, -2],
      guards: [
        { coefficients: [0, 0, 0, -4], low: -50, high: -9 },
        { coefficients: [-5, 3, 1, 2], low: -4, high: 33 },
      ],
    };
    for (const dtype of ['f32', 'f64', 'f16', 'bf16'] as const) check(dtype, sizes, a, b);
  });
});

describe('epilogues', () => {
  /** relu(scale * sum + bias[n] + residual[b, m, n]), stored in two places, the second transposed. */
  function epilogue(dtype: 'f32' | 'f64', { batch, m, n }: Sizes): Program {
    const shape = [...batch, ...m, ...n];
    const rows = strided(shape, [...shape.keys()]);
    const columns = strided(shape, [...shape.keys()].reverse());
    const bias: View = { shape, offset: 1, strides: shape.map((_, k) => (k === shape.length - 1 ? 1 : 0)), guards: [] };
    const binary = (kind: 'add' | 'mul' | 'max', a: number, b: number): Instruction => ({
      op: 'binary',
      kind,
      a,
      b,
      dtype,
    });
    return {
      instructions: [
        { op: 'accumulator', dtype },
        { op: 'const', value: 0.5, dtype },
        binary('mul', 0, 1),
        { op: 'load', access: { buffer: 3, view: bias }, dtype },
        binary('add', 2, 3),
        { op: 'load', access: { buffer: 2, view: rows }, dtype },
        binary('add', 4, 5),
        { op: 'const', value: 0, dtype },
        binary('max', 6, 7),
      ],
      stores: [
        { value: 8, access: { buffer: 2, view: rows }, oncePerRow: false },
        { value: 6, access: { buffer: 4, view: columns }, oncePerRow: false },
      ],
    };
  }

  it.each([
    { batch: [], m: [65], n: [77], k: [50] },
    { batch: [], m: [5, 3], n: [3, 7], k: [700] },
    { batch: [6], m: [17], n: [17], k: [8] },
    { batch: [2, 2], m: [160], n: [20], k: [3] },
    { batch: [2], m: [3], n: [4], k: [0] },
  ])('%o', (sizes) => {
    const shape = [...sizes.batch, ...sizes.m, ...sizes.n];
    for (const dtype of ['f32', 'f64'] as const) {
      const [a, b] = [
        contiguous([...sizes.batch, ...sizes.m, ...sizes.k]),
        contiguous([...sizes.batch, ...sizes.k, ...sizes.n]),
      ];
      const kernel = contractKernel(dtype, sizes, a, b, epilogue(dtype, sizes));
      const counts = [sizeOf(a.shape), sizeOf(b.shape), sizeOf(shape), sizeOf(sizes.n) + 1, sizeOf(shape)];
      const random = randomNumbers(17);
      const inputs = counts.map((length) => Float64Array.from({ length }, () => Math.fround(random())));
      const array = dtype === 'f32' ? Float32Array : Float64Array;
      const expected = inputs.map((values) => array.from(values));
      runKernel(kernel, expected);
      let bits: string | null = null;
      for (const features of variants)
        for (const threads of [1, 2, 3]) {
          const harness = new KernelHarness(
            kernel,
            counts.map(() => dtype),
            counts,
            features,
            threads,
            compileFor(threads),
          );
          for (const [k, values] of inputs.entries()) harness.buffer(k).set(values);
          harness.run(threads);
          // Only the transposed store is not vectorized.
          expect(harness.slow).toMatch(/^writes b4 element by element/);
          for (const buffer of [2, 4]) {
            const error = largestError(harness.buffer(buffer), nth(expected, buffer));
            expect(error, `buffer ${buffer}, ${threads} threads, ${features.name}`).toBeLessThan(
              dtype === 'f32' ? 2e-5 : 1e-13,
            );
          }
          if (!features.relaxedSimd) continue;
          const result = harness.buffer(2);
          const now = Buffer.from(result.buffer, result.byteOffset, result.byteLength).toString('base64');
          bits ??= now;
          expect(now === bits, `bits differ: ${threads} threads, ${features.name}`).toBe(true);
        }
    }
  });
});
