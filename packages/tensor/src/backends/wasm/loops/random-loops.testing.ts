/**
 * Random loop kernels for tests. A kernel is built from a tape of numbers, each of which makes one choice; fast-check shrinks the tape, and
 * after its end it continues with zeros, which make the simplest choices.
 */
import * as fc from 'fast-check';
import type { BinaryOp } from '../../../graph/node.ts';
import type { ComputeDType, DType, TypedArray } from '../../../kernel/dtype.ts';
import { allocateArray, elementCode, isFloat } from '../../../kernel/dtype.ts';
import type { LoopKernel, Value } from '../../../kernel/kernel.ts';
import { nth } from '../../../kernel/nth.ts';
import { contiguousStrides, type Shape, sizeOf } from '../../../kernel/shape.ts';
import { type Guard, locate, type View } from '../../../kernel/view.ts';
import { KernelWriter } from './loop.testing.ts';

/** A tape of numbers that make random choices. */
class Tape {
  readonly #numbers: readonly number[];
  #next = 0;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  below(limit: number): number {
    return (this.#numbers[this.#next++] ?? 0) % limit;
  }

  pick<T>(options: readonly T[]): T {
    return nth(options, this.below(options.length));
  }

  chance(percent: number): boolean {
    return this.below(100) >= 100 - percent;
  }
}

/** The tapes from which kernels are built: long, and without a bias to small numbers, which would make most kernels trivial. */
export const tapes: fc.Arbitrary<number[]> = fc.noBias(
  fc.array(fc.integer({ min: 0, max: 9999 }), { minLength: 150, maxLength: 250 }),
);

export interface RandomLoop {
  readonly kernel: LoopKernel;
  readonly dtypes: readonly DType[];
  /** The initial contents of each buffer. */
  readonly contents: readonly TypedArray[];
}

const sizes = [1, 2, 3, 4, 5, 7, 8, 13, 16, 33, 50, 77, 0] as const;
const mostElements = 8000;

function randomDomain(tape: Tape): number[] {
  const rank = tape.pick([1, 2, 3, 2, 4, 0]);
  const domain: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const size = tape.chance(3) ? 0 : tape.pick(sizes.slice(0, -1));
    domain.push(sizeOf(domain) * size > mostElements ? 2 : size);
  }
  return domain;
}

function indicesOf(shape: Shape): number[][] {
  const strides = contiguousStrides(shape);
  return Array.from({ length: sizeOf(shape) }, (_, position) =>
    shape.map((size, axis) => Math.floor(position / nth(strides, axis)) % size),
  );
}

/** Moves a view so that its smallest position is a small offset; returns the length that its buffer needs. */
function settle(view: View, slack: number): { view: View; length: number } {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  // `locate` returns -1 where a guard fails, so the positions are moved far away from that.
  const far = { ...view, offset: view.offset + 1e6 };
  for (const index of indicesOf(view.shape)) {
    const at = locate(far, index);
    if (at < 0) continue;
    low = Math.min(low, at);
    high = Math.max(high, at);
  }
  if (high < low) return { view: { ...view, offset: 0 }, length: 1 };
  return { view: { ...far, offset: far.offset - low + slack }, length: high - low + 1 + slack };
}

/** A permuted row-major layout of a shape. */
function permutedStrides(shape: Shape, tape: Tape): number[] {
  const order = shape.map((_, axis) => axis);
  if (tape.chance(40)) for (let k = order.length - 1; k > 0; k--) order.push(...order.splice(tape.below(k + 1), 1));
  const strides = new Array<number>(shape.length).fill(0);
  let step = 1;
  for (const axis of [...order].reverse()) {
    strides[axis] = step;
    step *= nth(shape, axis);
  }
  return strides;
}

function randomGuards(shape: Shape, tape: Tape): Guard[] {
  const guards: Guard[] = [];
  const count = tape.chance(30) ? 1 + tape.below(2) : 0;
  for (let k = 0; k < count && shape.length > 0; k++) {
    const coefficients = shape.map(() => 0);
    coefficients[tape.below(shape.length)] = tape.pick([1, 1, 2, -1]);
    if (tape.chance(50)) {
      const axis = tape.below(shape.length);
      coefficients[axis] = nth(coefficients, axis) + tape.pick([1, 4, -1]);
    }
    const reach = shape.reduce((sum, size, axis) => sum + Math.max(0, nth(coefficients, axis)) * size, 0);
    const low = tape.pick([0, 1, 4, -3]);
    guards.push({ coefficients, low, high: low + 1 + tape.below(Math.max(1, reach + 4)) });
  }
  return guards;
}

function randomView(shape: Shape, tape: Tape): { view: View; length: number } {
  const strides = permutedStrides(shape, tape).map((stride) => {
    if (tape.chance(15)) return 0;
    return stride * tape.pick([1, 1, 1, 1, 1, 1, 2, -1]);
  });
  return settle({ shape, offset: 0, strides, guards: randomGuards(shape, tape) }, tape.below(4));
}

/** A view that visits each element once, for stores. */
function randomStoreView(shape: Shape, tape: Tape): { view: View; length: number } {
  const strides = permutedStrides(shape, tape).map((stride) => stride * tape.pick([1, 1, 1, 1, 1, 1, -1]));
  return settle({ shape, offset: 0, strides, guards: tape.chance(10) ? randomGuards(shape, tape) : [] }, tape.below(3));
}

/** The number of bits for which a number is exact; infinity if it is rounded, because comparisons of rounded values would have random results. */
type Exactness = number;
const mostBits = 22;
const loadedBits: Readonly<Record<DType, Exactness>> = { f32: 6, f64: 6, f16: 6, bf16: 6, i32: 32, u8: 8, bool: 1 };

/** Builds one kernel. */
class LoopBuilder {
  readonly tape: Tape;
  readonly domain: number[];
  readonly writer: KernelWriter;
  readonly values: { value: Value; bits: Exactness; row: boolean }[] = [];
  readonly buffers: { dtype: DType; length: number; view: View | null; loads: number }[] = [];
  readonly reducedAxes: number[];
  readonly float: 'f32' | 'f64';
  readonly #mayReduce: boolean;

  constructor(tape: Tape, mayReduce: boolean) {
    this.tape = tape;
    this.#mayReduce = mayReduce;
    this.domain = randomDomain(tape);
    const reduces = mayReduce && tape.chance(60);
    this.reducedAxes = reduces ? this.domain.map((_, axis) => axis).filter(() => tape.chance(50)) : [];
    this.float = tape.pick(['f32', 'f32', 'f32', 'f64'] as const);
    this.writer = new KernelWriter(this.domain, this.reducedAxes);
  }

  add(value: Value, bits: Exactness, row = false): void {
    this.values.push({ value, bits, row });
  }

  dtype(value: Value): ComputeDType {
    return this.writer.dtype(value);
  }

  buffer(dtype: DType, length: number, view: View | null): number {
    this.buffers.push({ dtype, length, view, loads: 0 });
    return this.writer.buffer(dtype, length);
  }

  /** A value of one of these dtypes, with at most this number of bits; it is created if there is none. */
  operand(
    dtypes: readonly ComputeDType[],
    bits: Exactness = Number.POSITIVE_INFINITY,
  ): { value: Value; bits: Exactness; row: boolean } {
    const fits = this.values.filter((entry) => dtypes.includes(this.dtype(entry.value)) && entry.bits <= bits);
    if (fits.length > 0 && !this.tape.chance(10))
      return nth(fits, fits.length - 1 - this.tape.below(Math.min(5, fits.length)));
    const dtype = this.tape.pick(dtypes);
    if (this.tape.chance(20)) {
      const number = this.tape.below(9) - 4;
      const value = isFloat(dtype)
        ? number / 4
        : dtype === 'bool'
          ? Number(number > 0)
          : dtype === 'u8'
            ? number & 255
            : number;
      this.add(this.writer.constant(value, dtype), 5, true);
    } else this.load(dtype);
    return nth(this.values, this.values.length - 1);
  }

  /** A dtype in memory for values of `dtype`. */
  #stored(dtype: ComputeDType): DType {
    return dtype === 'f32' ? this.tape.pick(['f32', 'f32', 'f16', 'bf16'] as const) : dtype;
  }

  load(dtype: ComputeDType): void {
    const { view, length } = randomView(this.domain, this.tape);
    const buffer = this.buffer(this.#stored(dtype), length, view);
    nth(this.buffers, buffer).loads++;
    this.add(this.writer.load(buffer, view), loadedBits[dtype]);
  }

  /** Adds some operation on existing values. */
  step(): void {
    const { tape, writer } = this;
    const exactFloat = (): { value: Value; bits: Exactness } => this.operand([this.float], mostBits);
    const steps: (() => void)[] = [
      () => this.load(this.float),
      () => {
        const a = this.operand([this.float]);
        const b = this.operand([this.float]);
        const kind = tape.pick(['add', 'mul', 'max'] as const);
        const bits = kind === 'mul' ? a.bits + b.bits : Math.max(a.bits, b.bits) + 1;
        const value =
          kind === 'mul' && bits > mostBits
            ? writer.binary('mul', writer.binary('mul', a.value, b.value), writer.constant(0.25, this.float))
            : writer.binary(kind, a.value, b.value);
        this.add(value, bits > mostBits ? Number.POSITIVE_INFINITY : bits, a.row && b.row);
      },
      () => {
        const a = this.operand([this.float]);
        const b = this.operand([this.float]);
        const bits = Math.max(a.bits, b.bits) + 1;
        this.add(writer.sub(a.value, b.value), bits > mostBits ? Number.POSITIVE_INFINITY : bits, a.row && b.row);
      },
      () => {
        const a = this.operand([this.float]);
        this.add(writer.unary('neg', a.value), a.bits, a.row);
      },
      () => {
        // Rounds only values that are exact in the type, because rounding is not continuous.
        const a = this.operand([this.float], 8);
        const kind = tape.pick(['roundF16', 'roundBf16'] as const);
        this.add(this.float === 'f32' ? writer.unary(kind, a.value) : writer.unary('neg', a.value), a.bits, a.row);
      },
      () => {
        // Smooth functions of moderate numbers.
        const a = this.operand([this.float]);
        const small = writer.unary('tanh', a.value);
        const positive = writer.binary('add', writer.binary('mul', small, small), writer.constant(0.5, this.float));
        const value = tape.pick([
          () => small,
          () => writer.unary('exp', small),
          () => writer.unary('log', positive),
          () => writer.unary('sqrt', positive),
          () => writer.unary('recip', positive),
          () => writer.div(a.value, positive),
          () => writer.unary('sin', small),
          () => writer.unary('erf', small),
        ])();
        this.add(value, Number.POSITIVE_INFINITY, a.row);
      },
      () => {
        const a = exactFloat();
        this.add(writer.unary('floor', a.value), a.bits);
      },
      () => {
        const dtype = tape.pick(['f32', 'i32', 'u8', 'bool'] as const);
        const a = this.operand([dtype], mostBits);
        const b = this.operand([dtype], mostBits);
        if (dtype === 'bool')
          this.add(writer.binary(tape.pick(['and', 'or', 'xor', 'eq', 'max']), a.value, b.value), 1, a.row && b.row);
        else this.add(writer.binary(tape.pick(['lt', 'eq']), a.value, b.value), 1, a.row && b.row);
      },
      () => {
        const condition = this.operand(['bool']);
        const dtype = tape.pick([this.float, 'i32', 'u8'] as const);
        const yes = this.operand([dtype]);
        const no = this.operand([dtype]);
        const value = writer.where(condition.value, yes.value, no.value);
        this.add(value, Math.max(yes.bits, no.bits), condition.row && yes.row && no.row);
      },
      () => {
        const kinds: readonly BinaryOp[] = ['add', 'mul', 'max', 'idiv', 'mod', 'and', 'or', 'xor', 'shl', 'shr'];
        const dtype = tape.pick(['i32', 'i32', 'u8'] as const);
        const kind = tape.pick(kinds);
        const a = this.operand([dtype]);
        const shift = kind === 'shl' || kind === 'shr';
        const b =
          shift && tape.chance(80)
            ? { value: writer.constant(tape.below(7), dtype), row: true }
            : this.operand([dtype]);
        const count = shift ? writer.binary('and', b.value, writer.constant(7, dtype)) : b.value;
        this.add(writer.binary(kind, a.value, count), 32, a.row && b.row);
      },
      () =>
        this.add(
          writer.index(
            this.domain.map(() => tape.pick([0, 1, 3, -2])),
            tape.below(5),
          ),
          14,
        ),
      () => {
        const from = tape.pick(['f32', 'f64', 'i32', 'u8', 'bool'] as const);
        const to = tape.pick(['f32', 'f64', 'i32', 'u8', 'bool'] as const);
        if (from === to) return;
        const a = this.operand([from], mostBits);
        this.add(
          writer.cast(a.value, to),
          isFloat(from) || from === 'bool' || from === 'u8' ? Math.max(a.bits, 8) : a.bits,
          a.row,
        );
      },
      () => this.gather(),
      () => this.reduce(),
      () => {
        // A value that is combined with a reduction of its row, which needs another phase.
        this.reduce();
        const total = this.operand([this.float]);
        const a = this.operand([this.float]);
        const value = writer.unary('exp', writer.unary('tanh', writer.sub(a.value, total.value)));
        this.add(value, Number.POSITIVE_INFINITY, a.row && total.row);
        this.reduce();
      },
    ];
    tape.pick(steps)();
  }

  gather(): void {
    const { tape } = this;
    const row = this.operand(['i32']);
    const count = 1 + tape.below(6);
    const { view, length } = randomView([...this.domain, count], tape);
    const dtype = tape.pick([this.float, 'i32', 'u8'] as const);
    const buffer = this.buffer(this.#stored(dtype), length, null);
    nth(this.buffers, buffer).loads++;
    this.add(this.writer.gather({ buffer, view }, row.value), loadedBits[dtype]);
  }

  reduce(): void {
    const count = this.reducedAxes.reduce((product, axis) => product * nth(this.domain, axis), 1);
    if (count === 0 || !this.#mayReduce) return;
    const { tape, writer } = this;
    const kind = tape.pick(['sum', 'max'] as const);
    const a = this.operand(kind === 'sum' ? [this.float, 'i32'] : [this.float, 'i32', 'u8']);
    const total = writer.reduce(kind, a.value);
    if (kind === 'max' || !isFloat(this.dtype(a.value)))
      this.add(total, a.bits > mostBits ? a.bits : kind === 'max' ? a.bits : 32, true);
    // Means instead of sums, so that rounding errors are as small as the values.
    else
      this.add(
        writer.binary('mul', total, writer.constant(Math.fround(1 / count), this.float)),
        Number.POSITIVE_INFINITY,
        true,
      );
  }

  store(): void {
    const { tape, writer } = this;
    const { value, row } = nth(this.values, this.values.length - 1 - tape.below(Math.min(3, this.values.length)));
    const dtype = this.dtype(value);
    if (row && this.reducedAxes.length > 0 && tape.chance(80)) {
      const shape = this.domain.map((size, axis) => (this.reducedAxes.includes(axis) ? 1 : size));
      const { view, length } = randomStoreView(shape, tape);
      const clear = (steps: readonly number[]): number[] =>
        steps.map((step, axis) => (this.reducedAxes.includes(axis) ? 0 : step));
      const guards = view.guards.map((guard) => ({ ...guard, coefficients: clear(guard.coefficients) }));
      const once = { shape: this.domain, offset: view.offset, strides: clear(view.strides), guards };
      writer.storeOnce(this.buffer(this.#stored(dtype), length, null), value, once);
      return;
    }
    // In place: over an input that is read only once, through a view that visits each element once.
    for (const [buffer, input] of this.buffers.entries()) {
      if (input.dtype !== dtype || input.loads !== 1 || input.view === null || !isInjective(input.view)) continue;
      if (!tape.chance(40)) break;
      input.loads = 2;
      writer.store(buffer, value, input.view);
      return;
    }
    const { view, length } = randomStoreView(this.domain, tape);
    writer.store(this.buffer(this.#stored(dtype), length, null), value, view);
  }
}

function isInjective(view: View): boolean {
  if (view.guards.length > 0) return false;
  const seen = new Set<number>();
  for (const index of indicesOf(view.shape)) {
    const at = locate(view, index);
    if (seen.has(at)) return false;
    seen.add(at);
  }
  return true;
}

function fill(dtype: DType, length: number, next: () => number): TypedArray {
  const array = allocateArray(dtype, length);
  const { encode } = elementCode(dtype);
  for (let k = 0; k < length; k++) {
    const number = next();
    if (isFloat(dtype)) array[k] = encode((number % 33) / 4 - 4);
    else if (dtype === 'bool') array[k] = number & 1;
    else if (dtype === 'u8') array[k] = number % 5 === 0 ? 255 - (number & 3) : number & 15;
    else array[k] = number % 9 === 0 ? number * 2654435 : (number % 41) - 20;
  }
  return array;
}

function build(builder: LoopBuilder, numbers: readonly number[]): RandomLoop {
  const steps = 1 + builder.tape.below(16);
  for (let k = 0; k < steps; k++) builder.step();
  if (builder.values.length === 0) builder.load('f32');
  const stores = 1 + builder.tape.below(3);
  for (let k = 0; k < stores; k++) builder.store();
  let state = numbers.length + 12345;
  const next = (): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 8;
  };
  return {
    kernel: builder.writer.finish('random'),
    dtypes: builder.writer.dtypes,
    contents: builder.buffers.map(({ dtype, length }) => fill(dtype, length, next)),
  };
}

export const randomLoop = (numbers: readonly number[]): RandomLoop =>
  build(new LoopBuilder(new Tape(numbers), true), numbers);

/** A random epilogue, over [...batch, ...m, ...n]. */
export interface RandomEpilogue extends RandomLoop {
  /** The number of batch axes. */
  readonly batchAxes: number;
  /** The number of m axes. */
  readonly rowAxes: number;
  readonly dtype: 'f32' | 'f64';
}

export function randomEpilogue(numbers: readonly number[]): RandomEpilogue {
  const tape = new Tape(numbers);
  const builder = new LoopBuilder(tape, false);
  const dtype = builder.float === 'f64' ? 'f64' : 'f32';
  const rank = builder.domain.length;
  const batchAxes = tape.below(rank + 1);
  const rowAxes = tape.below(rank + 1 - batchAxes);
  builder.add(builder.writer.accumulator(dtype), loadedBits[dtype]);
  return { ...build(builder, numbers), batchAxes, rowAxes, dtype };
}
