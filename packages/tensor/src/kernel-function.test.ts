/** Kernel functions against the same functions called for each element, on every backend without a GPU. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { disposeBackends, openBackend, setDefaultBackend } from './kernel/backend.ts';
import { nth } from './kernel/nth.ts';
import './backends/gpujs/index.ts';
import './backends/wasm/index.ts';
import { registerReferenceBackends } from './backends/reference/backend.ts';
import { compile } from './compile.ts';
import { KernelError } from './custom-kernel/index.ts';
import { tensor } from './functions.ts';
import { type KernelArray, kernelFunction } from './kernel-function.ts';
import type { Tensor } from './tensor.ts';
import { scattered } from './testing/op-case.ts';

registerReferenceBackends();
afterAll(disposeBackends);

const matrix = (rows: number, columns: number, seed = 0): Tensor =>
  tensor(Float32Array.from(scattered(rows * columns + seed).slice(seed)), { shape: [rows, columns] });

/** Calls a kernel function as gpu.js does: once for each element, on nested arrays. */
async function byHand(
  kernel: (...inputs: never[]) => number,
  shape: readonly number[],
  inputs: readonly (Tensor | number)[],
  constants: Readonly<Record<string, number | boolean>> = {},
): Promise<number[]> {
  const arrays = await Promise.all(inputs.map((input) => (typeof input === 'number' ? input : input.toArray())));
  const [x = 1, y = 1, z = 1] = shape.toReversed();
  const results: number[] = [];
  for (let k = 0; k < z; k++)
    for (let j = 0; j < y; j++)
      for (let i = 0; i < x; i++)
        results.push(
          Number(
            kernel.apply({ thread: { x: i, y: j, z: k }, output: { x, y, z }, constants } as never, arrays as never[]),
          ),
        );
  return results;
}

async function expectClose(actual: Tensor, expected: readonly number[]): Promise<void> {
  const values = await actual.data();
  expect(values.length).toBe(expected.length);
  expected.forEach((wanted, k) => {
    expect(Math.abs(nth(values, k) - wanted), `element ${k}`).toBeLessThan(1e-5 * Math.max(1, Math.abs(wanted)));
  });
}

describe.each(['reference', 'reference-kernels', 'wasm', 'gpujs:webasm', 'gpujs:cpu'])(
  'kernel functions on %s',
  (backend) => {
    beforeAll(async () => {
      await openBackend(backend);
      setDefaultBackend(backend);
    });

    it('computes element by element', async () => {
      const swish = kernelFunction({
        name: 'swish',
        output: (x) => x.shape,
        kernel(x) {
          const v = (x[this.thread.y] as KernelArray)[this.thread.x] as number;
          return v / (1 + Math.exp(-v));
        },
      });
      const x = matrix(3, 5);
      const expected = [...(await x.data())].map((v) => v / (1 + Math.exp(-v)));
      await expectClose(swish(x), expected);
      const step = compile((input: Tensor) => swish(input).mul(2));
      await expectClose(
        await step(x),
        expected.map((v) => 2 * v),
      );
    });

    it('divides whole numbers exactly, by any divisor', async () => {
      const x = tensor(Float32Array.from({ length: 2000 }, (_, k) => k));
      for (const n of [41, 49, 7, 100]) {
        const rows = kernelFunction({
          name: 'rows',
          output: [2000],
          constants: { n },
          kernel(values) {
            return values[Math.floor(this.thread.x / (this.constants.n as number))] as number;
          },
        });
        const columns = kernelFunction({
          name: 'columns',
          output: [2000],
          constants: { n },
          kernel(values) {
            return values[this.thread.x % (this.constants.n as number)] as number;
          },
        });
        const whole = kernelFunction({
          name: 'whole',
          output: [2000],
          constants: { n },
          kernel(values) {
            const v = values[this.thread.x] as number;
            const shifted = (1000 - this.thread.x) / (this.constants.n as number);
            return (v % (this.constants.n as number)) + 1000 * Math.trunc(shifted) + 1e5 * Math.floor(shifted);
          },
        });
        const indices = Array.from({ length: 2000 }, (_, k) => k);
        expect([...(await rows(x).data())]).toEqual(indices.map((k) => Math.floor(k / n)));
        expect([...(await columns(x).data())]).toEqual(indices.map((k) => k % n));
        expect([...(await whole(x).data())]).toEqual(
          indices.map((k) =>
            Math.fround((k % n) + 1000 * Math.trunc((1000 - k) / n) + 1e5 * Math.floor((1000 - k) / n)),
          ),
        );
      }
    });

    it('cos and tan are accurate for large arguments', async () => {
      const angles = Float32Array.from({ length: 50 }, (_, k) => 1000 * Math.sin(k) + 0.1);
      const turned = kernelFunction({
        name: 'turned',
        output: (x) => x.shape,
        kernel(x) {
          const angle = x[this.thread.x] as number;
          return Math.tan(angle) * Math.cos(angle);
        },
      });
      const values = await turned(tensor(angles)).data();
      angles.forEach((x, k) => {
        expect(Math.abs(nth(values, k) - Math.sin(x)), `at ${x}`).toBeLessThan(2e-7);
      });
    });

    it('sums products as a matrix product', async () => {
      function product(
        this: { thread: { x: number; y: number }; constants: { inner: number } },
        a: KernelArray,
        b: KernelArray,
      ): number {
        let sum = 0;
        for (let k = 0; k < this.constants.inner; k++)
          sum += ((a[this.thread.y] as KernelArray)[k] as number) * ((b[k] as KernelArray)[this.thread.x] as number);
        return sum;
      }
      const constants = { inner: 7 };
      const multiply = kernelFunction({ name: 'product', output: [4, 5], kernel: product, constants });
      const [a, b] = [matrix(4, 7), matrix(7, 5, 3)];
      await expectClose(multiply(a, b), await byHand(product as never, [4, 5], [a, b], constants));
    });

    it('reads neighbors, with zeros outside, in nested loops', async () => {
      function blur(this: { thread: { x: number; y: number } }, image: KernelArray, weights: KernelArray): number {
        let sum = 0;
        for (let dy = 0; dy < 3; dy++) {
          for (let dx = 0; dx < 3; dx++) {
            const pixel = (image[2 * this.thread.y + dy] as KernelArray)[this.thread.x + dx] as number;
            sum += pixel * ((weights[dy] as KernelArray)[dx] as number);
          }
        }
        return sum;
      }
      const [image, weights] = [matrix(9, 8), matrix(3, 3, 5)];
      const operation = kernelFunction({ name: 'blur', output: [4, 6], kernel: blur });
      await expectClose(operation(image, weights), await byHand(blur as never, [4, 6], [image, weights]));
      const shifted = kernelFunction({
        name: 'shifted',
        output: (x) => x.shape,
        threadAxes: 1,
        kernel(x) {
          return (x[this.thread.x - 1] as number) + 10 * (x[this.thread.x + 2] as number);
        },
      });
      await expectClose(shifted(tensor([1, 2, 3, 4])), [30, 41, 2, 3]);
    });

    it('branches, leaves loops early and calls functions', async () => {
      const x = tensor(scattered(12));
      function steps(this: { thread: { x: number } }, values: KernelArray): number {
        let v = Math.abs(values[this.thread.x] as number) * 10 + 1;
        let count = 0;
        while (v > 1) {
          if (v > 20) {
            v = v / 3;
            continue;
          }
          if (count > 5) break;
          v = v * 0.5;
          count++;
        }
        if (count === 0) return -1;
        if (count % 2 === 0) {
          count = count * 10;
        } else if (v < 0.7) {
          return 0.5;
        }
        return count + v;
      }
      const operation = kernelFunction({ name: 'steps', output: (a) => a.shape, kernel: steps, loopMaxIterations: 12 });
      await expectClose(operation(x), await byHand(steps as never, [12], [x]));
    });

    it('gathers at computed positions', async () => {
      function lookUp(this: { thread: { x: number; y: number } }, table: KernelArray, index: KernelArray): number {
        return ((table[index[this.thread.y] as number] as KernelArray)[this.thread.x] as number) * this.thread.x;
      }
      const table = matrix(6, 3);
      const index = tensor(Int32Array.of(5, 0, 3, 3));
      const operation = kernelFunction({ name: 'lookUp', output: [4, 3], kernel: lookUp });
      await expectClose(operation(table, index), await byHand(lookUp as never, [4, 3], [table, index]));
    });

    it('takes maxima and sums up to its own position', async () => {
      function running(this: { thread: { x: number } }, x: KernelArray, scale: number): number {
        let largest = -Infinity;
        let sum = 0;
        for (let k = 0; k <= this.thread.x; k++) {
          const v = (x[k] as number) * scale;
          largest = Math.max(largest, v);
          if (v > 0) sum += v;
        }
        return sum - largest;
      }
      const x = tensor(scattered(9));
      const operation = kernelFunction({ name: 'running', output: (a) => a.shape, kernel: running as never });
      await expectClose(operation(x, 0.5), await byHand(running as never, [9], [x, 0.5]));
    });

    it('computes on bits', async () => {
      function hash(this: { thread: { x: number } }, x: KernelArray): number {
        let h = (x[this.thread.x] as number) | 0;
        h = Math.imul(h ^ (h >>> 15), 739982445);
        h ^= h << 7;
        return (h >> 3) & 65535;
      }
      const x = tensor(Int32Array.of(1, 2, -3, 123456789, -2147483648));
      const operation = kernelFunction({ name: 'hash', output: (a) => a.shape, kernel: hash as never, dtype: 'i32' });
      expect([...(await operation(x).data())]).toEqual(await byHand(hash as never, [5], [x]));
    });
  },
);

describe('kernel functions', () => {
  beforeAll(() => {
    setDefaultBackend('reference');
  });
  const x = tensor([1, 2, 3], { backend: 'reference' });
  const define = (kernel: unknown, more: object = {}): (() => Tensor) => {
    const operation = kernelFunction({ name: 'broken', output: [3], kernel: kernel as never, ...more });
    return () => operation(x);
  };

  it('names what is not supported, and its position', () => {
    const outside = 3;
    expect(define((v: KernelArray) => v * outside)).toThrow(
      "kernel 'broken' (line 1, column 12 of the function): 'outside' is neither an argument nor a variable",
    );
    expect(define((v: KernelArray) => v)).toThrow("kernel 'broken': returns one of its arguments: index it");
    expect(define((v: KernelArray) => v + 1)).toThrow(
      "argument 'v' is a tensor of shape [3]: index it to get a number",
    );
    expect(define((v: KernelArray) => (v[0] as KernelArray)[1])).toThrow(
      "'v' has shape [3] and cannot take 2 subscripts",
    );
    expect(define((v: KernelArray) => Math.clz32(v[0] as number))).toThrow('Math.clz32 is not supported');
    expect(define((v: KernelArray) => Math.random() * (v[0] as number))).toThrow('pass a tensor of random numbers');
    expect(
      define((v: KernelArray) => {
        let n = v[0] as number;
        while (n < 9) n = n * 2;
        return n;
      }),
    ).toThrow('set loopMaxIterations');
    expect(() => define(Math.max)).toThrow("kernel 'broken': its source text is not available");
    expect(() => define(async (v: KernelArray) => v[0])).toThrow('neither async nor a generator');
  });

  it('counts arguments and checks shapes', () => {
    const operation = kernelFunction({
      name: 'two',
      output: [1.5],
      kernel: (a, b) => (a[0] as number) + (b[0] as number),
    });
    expect(() => operation(x)).toThrow(KernelError);
    expect(() => operation(x)).toThrow("kernel 'two': takes 2 arguments (a, b), got 1");
    expect(() => operation(x, x)).toThrow('must be of whole numbers');
  });

  it('ignores what compilers add to functions', async () => {
    const kernel = new Function(
      'x',
      `"use strict"; __name(double, "double"); function double(v) { return v * 2; }
      let r = 0, s; x[this.thread.x] > 1.5 && (r = double(x[this.thread.x])), s = r; return s ? s : -1;`,
    );
    const operation = kernelFunction({ name: 'compiled', output: [3], kernel: kernel as never });
    expect([...(await operation(x).data())]).toEqual([-1, 4, 6]);
  });
});
