/** Writes loop kernels by hand, and runs the generated code of kernels: for tests and measurements. */
import {
  bytesOf,
  type ComputeDType,
  computeDType,
  type DType,
  type TypedArray,
  viewArray,
} from '../../../kernel/dtype.ts';
import type { Access, Instruction, LoopKernel, Store, Value } from '../../../kernel/kernel.ts';
import { nth } from '../../../kernel/nth.ts';
import type { BinaryOp, ReduceOp, RoundOp, UnaryOp } from '../../../kernel/operators.ts';
import type { Shape } from '../../../kernel/shape.ts';
import { contiguousView, type View } from '../../../kernel/view.ts';
import { detectRelaxedSimd, type Features } from '../emit/features.ts';
import { ModuleBuilder } from '../emit/module-builder.ts';
import { lowerLoop } from './loop.ts';
import type { LoweredKernel } from './program.ts';

/** Whether relaxed SIMD is used: code is tested with and without it, if the engine has it. */
export const relaxedSimdSettings: readonly boolean[] = detectRelaxedSimd() ? [true, false] : [false];

/** Writes a loop kernel instruction by instruction; buffers are numbered in the order in which they are added. */
export class KernelWriter {
  readonly dtypes: DType[] = [];
  readonly lengths: number[] = [];
  readonly #domain: Shape;
  readonly #reduced: readonly boolean[];
  readonly #instructions: Instruction[] = [];
  readonly #stores: Store[] = [];

  constructor(domain: Shape, reducedAxes: readonly number[] = []) {
    this.#domain = domain;
    this.#reduced = domain.map((_, axis) => reducedAxes.includes(axis));
  }

  buffer(dtype: DType, length: number): number {
    this.lengths.push(length);
    return this.dtypes.push(dtype) - 1;
  }

  #add(instruction: Instruction): Value {
    return this.#instructions.push(instruction) - 1;
  }

  dtype(value: Value): ComputeDType {
    return nth(this.#instructions, value).dtype;
  }

  load(buffer: number, view: View = contiguousView(this.#domain)): Value {
    return this.#add({ op: 'load', access: { buffer, view }, dtype: computeDType(nth(this.dtypes, buffer)) });
  }

  gather(access: Access, row: Value): Value {
    return this.#add({ op: 'gather', access, row, dtype: computeDType(nth(this.dtypes, access.buffer)) });
  }

  accumulator(dtype: 'f32' | 'f64'): Value {
    return this.#add({ op: 'accumulator', dtype });
  }

  constant(value: number, dtype: ComputeDType = 'f32'): Value {
    return this.#add({ op: 'const', value, dtype });
  }

  index(coefficients: readonly number[], offset = 0): Value {
    return this.#add({ op: 'index', coefficients, offset, dtype: 'i32' });
  }

  unary(kind: Exclude<UnaryOp, 'cast'> | RoundOp, source: Value): Value {
    return this.#add({ op: 'unary', kind, source, dtype: this.dtype(source) });
  }

  cast(source: Value, dtype: ComputeDType): Value {
    return this.#add({ op: 'unary', kind: 'cast', source, dtype });
  }

  binary(kind: BinaryOp, a: Value, b: Value): Value {
    return this.#add({ op: 'binary', kind, a, b, dtype: kind === 'lt' || kind === 'eq' ? 'bool' : this.dtype(a) });
  }

  sub(a: Value, b: Value): Value {
    return this.binary('add', a, this.unary('neg', b));
  }

  div(a: Value, b: Value): Value {
    return this.binary('mul', a, this.unary('recip', b));
  }

  where(condition: Value, yes: Value, no: Value): Value {
    return this.#add({ op: 'where', condition, yes, no, dtype: this.dtype(yes) });
  }

  reduce(kind: ReduceOp, source: Value): Value {
    return this.#add({ op: 'reduce', kind, source, dtype: this.dtype(source) });
  }

  store(buffer: number, value: Value, view: View = contiguousView(this.#domain)): void {
    this.#stores.push({ value, access: { buffer, view }, oncePerRow: false });
  }

  /** `view` is over the domain, with stride 0 on the reduced axes. */
  storeOnce(buffer: number, value: Value, view: View): void {
    this.#stores.push({ value, access: { buffer, view }, oncePerRow: true });
  }

  get instructions(): readonly Instruction[] {
    return this.#instructions;
  }

  finish(name = 'kernel'): LoopKernel {
    const program = { instructions: this.#instructions, stores: this.#stores };
    return { kind: 'loop', name, domain: this.#domain, reduced: this.#reduced, program };
  }
}

type Lower = (module: ModuleBuilder, dtypes: readonly DType[], features: Features) => LoweredKernel;

/** A module with a single kernel, and a memory with its buffers. */
export class LoopHarness {
  readonly buffers: readonly TypedArray[];
  readonly lowered: LoweredKernel;
  readonly module: ModuleBuilder;
  /** Runs the threads one after the other. */
  readonly run: (threads: number) => void;

  constructor(lower: Lower, dtypes: readonly DType[], lengths: readonly number[], features: Features) {
    const module = new ModuleBuilder('test');
    module.importMemory('env', 'memory', 1, 65536);
    this.lowered = lower(module, dtypes, features);
    module.exportFunction('kernel', this.lowered.function);
    this.module = module;
    const bytes = module.build();
    let end = 1024;
    const addresses = lengths.map((length, k) => {
      const address = end;
      end += Math.ceil((length * bytesOf(nth(dtypes, k))) / 64) * 64 + 64;
      return address;
    });
    const scratch = end;
    end += this.lowered.scratchBytes;
    const memory = new WebAssembly.Memory({ initial: Math.ceil((end + 64) / 65536), maximum: 65536, shared: true });
    new Int32Array(memory.buffer).set(addresses, 0);
    // The initial contents of memory must not matter.
    new Uint8Array(memory.buffer).fill(0xff, 1024);
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
    const call = instance.exports.kernel as (args: number, thread: number, threads: number, scratch: number) => void;
    this.buffers = lengths.map((length, k) => viewArray(nth(dtypes, k), memory.buffer, nth(addresses, k), length));
    this.run = (threads) => {
      for (let thread = 0; thread < threads; thread++) call(0, thread, threads, scratch);
    };
  }

  /** Sets the contents of the buffers. */
  fill(contents: readonly TypedArray[]): void {
    for (const [k, content] of contents.entries()) nth(this.buffers, k).set(content);
  }

  static ofLoop(
    kernel: LoopKernel,
    dtypes: readonly DType[],
    lengths: readonly number[],
    features: Features,
  ): LoopHarness {
    return new LoopHarness((module, types, f) => lowerLoop(module, kernel, types, f), dtypes, lengths, features);
  }
}
