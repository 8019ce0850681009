/** Writes contract kernels by hand, and runs them with generated code and with plain loops: for tests and measurements. */
import type { DType, TypedArray } from '../../../kernel/dtype.ts';
import { bytesOf, viewArray } from '../../../kernel/dtype.ts';
import type { ContractKernel, Program } from '../../../kernel/kernel.ts';
import { nth } from '../../../kernel/nth.ts';
import { contiguousStrides, type Shape, sizeOf } from '../../../kernel/shape.ts';
import { locate, stridedView, type View } from '../../../kernel/view.ts';
import type { Features } from '../emit/features.ts';
import { ModuleBuilder } from '../emit/module-builder.ts';
import { lowerContract } from './gemm.ts';

export interface Sizes {
  readonly batch: Shape;
  readonly m: Shape;
  readonly n: Shape;
  readonly k: Shape;
}

/** An epilogue that stores the accumulator through a view over [...batch, ...m, ...n]. */
export function storeProgram(dtype: 'f32' | 'f64', buffer: number, view: View): Program {
  return {
    instructions: [{ op: 'accumulator', dtype }],
    stores: [{ value: 0, access: { buffer, view }, oncePerRow: false }],
  };
}

export function contractKernel(
  dtype: 'f32' | 'f64',
  sizes: Sizes,
  a: View,
  b: View,
  epilogue: Program = storeProgram(dtype, 2, contiguous([...sizes.batch, ...sizes.m, ...sizes.n])),
): ContractKernel {
  return {
    kind: 'contract',
    name: 'product',
    dtype,
    ...sizes,
    a: { buffer: 0, view: a },
    b: { buffer: 1, view: b },
    epilogue,
  };
}

export const contiguous = (shape: Shape): View => stridedView(shape, contiguousStrides(shape));

/** A view whose memory is row-major in the axis order `order`: `strided([m, k], [1, 0])` is a transposed matrix. */
export function strided(shape: Shape, order: readonly number[]): View {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (const axis of [...order].reverse()) {
    strides[axis] = step;
    step *= nth(shape, axis);
  }
  return stridedView(shape, strides);
}

/** Calls `visit` with every index of the shape, in row-major order. */
export function eachIndex(shape: Shape, visit: (index: readonly number[]) => void): void {
  const index = new Array<number>(shape.length).fill(0);
  for (let count = sizeOf(shape); count > 0; count--) {
    visit(index);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = nth(index, axis) + 1;
      index[axis] = next === shape[axis] ? 0 : next;
      if (next !== shape[axis]) break;
    }
  }
}

/** The mulberry32 generator, uniform in -0.5 to 0.5. */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32 - 0.5;
  };
}

/** The length that a buffer needs for a view: one more than the largest position. */
export function reachOf(view: View): number {
  if (sizeOf(view.shape) === 0) return 0;
  if (view.guards.length === 0 && view.strides.every((stride) => stride >= 0))
    return view.strides.reduce((sum, stride, k) => sum + stride * (nth(view.shape, k) - 1), view.offset + 1);
  if (sizeOf(view.shape) > 1 << 22)
    throw new Error(`a view of ${sizeOf(view.shape)} elements is too large to enumerate`);
  let last = -1;
  eachIndex(view.shape, (index) => {
    last = Math.max(last, locate(view, index));
  });
  return last + 1;
}

const at = (data: TypedArray, view: View, index: readonly number[]): number => {
  const position = locate(view, index);
  return position < 0 ? 0 : nth(data, position);
};

/** The sums, in f64, in the order [...batch, ...m, ...n]. */
export function plainProduct(kernel: ContractKernel, a: TypedArray, b: TypedArray): Float64Array {
  const { batch, m, n, k } = kernel;
  const result = new Float64Array(sizeOf([...batch, ...m, ...n]));
  let at0 = 0;
  eachIndex([...batch, ...m, ...n], (index) => {
    const inBatch = index.slice(0, batch.length);
    const inM = index.slice(batch.length, batch.length + m.length);
    const inN = index.slice(batch.length + m.length);
    let sum = 0;
    eachIndex(k, (inK) => {
      sum += at(a, kernel.a.view, [...inBatch, ...inM, ...inK]) * at(b, kernel.b.view, [...inBatch, ...inK, ...inN]);
    });
    result[at0++] = sum;
  });
  return result;
}

/** A module with a single kernel, and a memory with its buffers. */
export class KernelHarness {
  readonly memory: WebAssembly.Memory;
  readonly addresses: number[];
  readonly run: (threads: number) => void;
  readonly #dtypes: readonly DType[];
  readonly #lengths: readonly number[];
  readonly bytes: Uint8Array<ArrayBuffer>;

  readonly slow: string | null;

  constructor(
    kernel: ContractKernel,
    dtypes: readonly DType[],
    lengths: readonly number[],
    features: Features,
    threads = 1,
    compile: (bytes: Uint8Array<ArrayBuffer>) => WebAssembly.Module = (bytes) => new WebAssembly.Module(bytes),
  ) {
    const module = new ModuleBuilder('test');
    module.importMemory('env', 'memory', 1, 65536);
    const lowered = lowerContract(module, kernel, dtypes, features, threads);
    this.slow = lowered.slow;
    module.exportFunction('kernel', lowered.function);
    this.bytes = module.build();
    this.#dtypes = dtypes;
    this.#lengths = lengths;
    let end = 1024;
    this.addresses = lengths.map((length, k) => {
      const address = end;
      end += Math.ceil((length * bytesOf(nth(dtypes, k))) / 64) * 64 + 64;
      return address;
    });
    const scratch = end;
    end += lowered.scratchBytes;
    this.memory = new WebAssembly.Memory({ initial: Math.ceil((end + 64) / 65536), maximum: 65536, shared: true });
    new Int32Array(this.memory.buffer).set(this.addresses, 0);
    new Uint8Array(this.memory.buffer, scratch).fill(0xff);
    const instance = new WebAssembly.Instance(compile(this.bytes), { env: { memory: this.memory } });
    const call = instance.exports.kernel as (args: number, thread: number, threads: number, scratch: number) => void;
    this.run = (count) => {
      for (let thread = 0; thread < count; thread++) call(0, thread, count, scratch);
    };
  }

  buffer(index: number): TypedArray {
    const [dtype, length] = [nth(this.#dtypes, index), nth(this.#lengths, index)];
    return viewArray(dtype, this.memory.buffer, nth(this.addresses, index), length);
  }
}
