/** Tests of loop kernels, for each setting of V8 that they run under. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DType, isFloat, type TypedArray } from '../../dtype.ts';
import { formatKernel } from '../../kernel.ts';
import { seed } from '../../testing/seed.ts';
import { runKernel } from '../reference/interpret-kernels.ts';
import type { Features } from './features.ts';
import { LoopHarness } from './loop.testing.ts';
import { type RandomLoop, randomLoop, tapes } from './random-loops.testing.ts';

const tolerance: Readonly<Record<DType, number>> = { f32: 4e-5, f64: 1e-11, i32: 0, u8: 0, bool: 0 };

/** The first place where two buffers differ by more than rounding, as text. */
export function difference(dtype: DType, actual: TypedArray, expected: TypedArray): string | null {
  for (let k = 0; k < expected.length; k++) {
    const [x, y] = [actual[k], expected[k]];
    if (Object.is(x, y) || x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    if (isFloat(dtype) && Math.abs(x - y) <= tolerance[dtype] * (1 + Math.abs(y))) continue;
    return `${dtype} element ${k}: ${x}, expected ${y}`;
  }
  return null;
}

export function run({ kernel, dtypes, contents }: RandomLoop, features: Features, threads: number): TypedArray[] {
  const lengths = contents.map(({ length }) => length);
  const harness = LoopHarness.ofLoop(kernel, dtypes, lengths, features);
  contents.forEach((content, k) => {
    harness.buffers[k].set(content);
  });
  harness.run(threads);
  return harness.buffers.map((buffer) => buffer.slice());
}

/** Runs a kernel with several numbers of threads: all must agree bit by bit, and with the oracle up to rounding. */
export function check(loop: RandomLoop, features: Features): void {
  const expected = loop.contents.map((content) => content.slice());
  runKernel(loop.kernel, expected);
  const actual = run(loop, features, 1);
  loop.dtypes.forEach((dtype, k) => {
    const problem = difference(dtype, actual[k], expected[k]);
    if (problem !== null) throw new Error(`buffer ${k}: ${problem}\n${formatKernel(loop.kernel)}`);
  });
  for (const threads of [2, 3]) {
    const again = run(loop, features, threads);
    again.forEach((buffer, k) => {
      const bits = (array: TypedArray): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
      expect(Buffer.compare(bits(buffer), bits(actual[k])), `${threads} threads, buffer ${k}`).toBe(0);
    });
  }
}

export function loopSuite(): void {
  describe.each([true, false])('relaxed SIMD %s', (relaxedSimd) => {
    const features: Features = { relaxedSimd, wideTiles: false };
    it(`computes what random kernels say (TESSERA_SEED=${seed})`, () => {
      fc.assert(
        fc.property(tapes, (numbers) => {
          check(randomLoop(numbers), features);
        }),
        { seed, numRuns: Number(process.env.TESSERA_TEST_RUNS ?? 300) },
      );
    });
  });
}
