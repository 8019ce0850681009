/** The tests of loop kernels, which run under several settings of V8. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocateArray, type DType, elementCode, isFloat, type TypedArray } from '../../../kernel/dtype.ts';
import { formatKernel } from '../../../kernel/kernel.ts';
import { nth } from '../../../kernel/nth.ts';
import { stridedView } from '../../../kernel/view.ts';
import { seed } from '../../../testing/seed.ts';
import { runKernel } from '../../interpret-kernels.ts';
import type { Features } from '../emit/features.ts';
import { KernelWriter, LoopHarness, relaxedSimdSettings } from './loop.testing.ts';
import {
  adamW,
  addTransposed,
  batchNormStatistics,
  channelSums,
  gelu,
  layerNorm,
  layerNormWeightGradient,
  quickGelu,
  softmax,
  softmaxGradient,
  toChannelsLast,
} from './named-loops.testing.ts';
import { type RandomLoop, randomLoop, tapes } from './random-loops.testing.ts';

const tolerance: Readonly<Record<DType, number>> = {
  f32: 4e-5,
  f16: 1e-3,
  bf16: 8e-3,
  f64: 1e-11,
  i32: 0,
  u8: 0,
  bool: 0,
};

/** A description of the first element at which two buffers differ by more than rounding; null if there is none. */
export function difference(dtype: DType, actual: TypedArray, expected: TypedArray): string | null {
  const { decode } = elementCode(dtype);
  for (let k = 0; k < expected.length; k++) {
    const [x, y] = [decode(nth(actual, k)), decode(nth(expected, k))];
    if (Object.is(x, y) || x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    if (isFloat(dtype) && Math.abs(x - y) <= tolerance[dtype] * (1 + Math.abs(y))) continue;
    return `${dtype} element ${k}: ${x}, expected ${y}`;
  }
  return null;
}

function run({ kernel, dtypes, contents }: RandomLoop, features: Features, threads: number): TypedArray[] {
  const lengths = contents.map(({ length }) => length);
  const harness = LoopHarness.ofLoop(kernel, dtypes, lengths, features);
  harness.fill(contents);
  harness.run(threads);
  return harness.buffers.map((buffer) => buffer.slice());
}

/** Runs a kernel with several numbers of threads: the results must be equal bit by bit, and match the oracle up to rounding. */
function check(loop: RandomLoop, features: Features): void {
  const expected = loop.contents.map((content) => content.slice());
  runKernel(loop.kernel, expected, loop.dtypes);
  const actual = run(loop, features, 1);
  for (const [k, dtype] of loop.dtypes.entries()) {
    const problem = difference(dtype, nth(actual, k), nth(expected, k));
    if (problem !== null) throw new Error(`buffer ${k}: ${problem}\n${formatKernel(loop.kernel)}`);
  }
  const bits = (array: TypedArray): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  for (const threads of [2, 3])
    for (const [k, buffer] of run(loop, features, threads).entries())
      expect(Buffer.compare(bits(buffer), bits(nth(actual, k))), `${threads} threads, buffer ${k}`).toBe(0);
}

/** The kernel with buffers of positive numbers, so that square roots are defined; they are the same in each run. */
function filled(writer: KernelWriter): RandomLoop {
  const contents = writer.lengths.map((length, k) => {
    const array = allocateArray(nth(writer.dtypes, k), length);
    for (let i = 0; i < length; i++) array[i] = 2 * ((i * 0.6180339887 + k * 0.37) % 1);
    return array;
  });
  return { kernel: writer.finish(), dtypes: writer.dtypes, contents };
}

const lengths = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33, 50, 65, 77, 197, 257, 1000] as const;

const rowKernels = { softmax, softmaxGradient, layerNorm } as const;
const columnKernels = { layerNormWeightGradient, batchNormStatistics } as const;
const elementKernels = { gelu, quickGelu, adamW } as const;

function namedCases(features: Features): void {
  describe.each(['f32', 'f64'] as const)('%s', (dtype) => {
    it.each(Object.entries(rowKernels))('%s, rows of all lengths', (_, make) => {
      for (const columns of lengths) check(filled(make(5, columns, dtype)), features);
    });
    it.each(Object.entries(columnKernels))('%s, columns of all counts', (_, make) => {
      for (const columns of lengths.slice(0, -1)) check(filled(make(37, columns, dtype)), features);
      check(filled(make(1300, 19, dtype)), features);
    });
    it.each(Object.entries(elementKernels))('%s, at all lengths', (_, make) => {
      for (const size of [...lengths, 2048, 9001]) check(filled(make(size, dtype)), features);
    });
    it('sums around a kept axis', () => {
      check(filled(channelSums(5, 7, 13, dtype)), features);
      check(filled(channelSums(33, 3, 257, dtype)), features);
      check(filled(channelSums(9, 64, 2, dtype)), features);
    });
  });

  it('transposes', () => {
    for (const [rows, columns] of [
      [4, 4],
      [5, 7],
      [3, 50],
      [16, 64],
      [65, 33],
      [130, 18],
    ] as const) {
      for (const dtype of ['f32', 'f64', 'i32', 'u8'] as const)
        check(filled(addTransposed(2, rows, columns, dtype)), features);
      check(filled(toChannelsLast(3, rows, columns)), features);
    }
    const kernel = addTransposed(2, 65, 33, 'f32');
    const { lowered } = LoopHarness.ofLoop(kernel.finish(), kernel.dtypes, kernel.lengths, features);
    expect(lowered.slow).toBeNull();
  });

  it('keeps the digits of long sums', () => {
    // One million numbers near 0.1: with a single accumulator the error would be more than 1e-3, with sixteen 1e-5.
    const size = 1_000_000;
    const values = Float32Array.from({ length: size }, (_, k) => 0.1 + 0.01 * Math.sin(k));
    const exact = values.reduce((sum, value) => sum + value, 0);
    const sums = (rows: number, columns: number, axis: 0 | 1): TypedArray => {
      const writer = new KernelWriter([rows, columns], [axis]);
      const x = writer.load(writer.buffer('f32', size));
      const strides = axis === 0 ? [0, 1] : [1, 0];
      const count = axis === 0 ? columns : rows;
      const out = writer.buffer('f32', count);
      writer.storeOnce(out, writer.reduce('sum', x), stridedView([rows, columns], strides));
      const contents = [values, new Float32Array(count)];
      return nth(run({ kernel: writer.finish(), dtypes: writer.dtypes, contents }, features, 1), out);
    };
    expect(Math.abs(nth(sums(1, size, 1), 0) - exact) / exact).toBeLessThan(3e-7);
    const columns = sums(size / 10, 10, 0);
    for (let c = 0; c < 10; c++) {
      let column = 0;
      for (let k = c; k < size; k += 10) column += nth(values, k);
      expect(Math.abs(nth(columns, c) - column) / column).toBeLessThan(3e-6);
    }
  });

  it('propagates NaN through maxima and sums', () => {
    for (const columns of [1, 5, 65]) {
      const loop = filled(softmax(3, columns, 'f32'));
      nth(loop.contents, 0)[columns] = Number.NaN;
      check(loop, features);
      const y = nth(run(loop, features, 1), 1);
      expect(y[columns]).toBeNaN();
      expect(y[0]).not.toBeNaN();
    }
  });
}

/** Declares the tests. */
export function loopSuite(): void {
  describe.each(relaxedSimdSettings)('relaxed SIMD %s', (relaxedSimd) => {
    const features: Features = { relaxedSimd, wideTiles: false };
    namedCases(features);
    it(`computes random kernels (TESSERA_SEED=${seed})`, () => {
      fc.assert(
        fc.property(tapes, (numbers) => {
          check(randomLoop(numbers), features);
        }),
        { seed, numRuns: Number(process.env.TESSERA_TEST_RUNS ?? 300) },
      );
    });
  });
}
