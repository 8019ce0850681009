/**
 * Encodes the bodies of WebAssembly functions. A `FunctionBuilder` writes one body, instruction by instruction, in the order of the stack
 * machine; a `ModuleBuilder` (see `module-builder.ts`) creates it. Its methods return the builder, so that calls can be chained:
 *
 *     const add = module.function('add', ['i32', 'i32'], ['i32']);
 *     const [a, b] = add.params;
 *     add.get(a).get(b).op('i32.add');
 */
import { nth } from '../../../kernel/nth.ts';
import { ByteWriter } from './bytes.ts';
import {
  type LaneOp,
  laneOps,
  type MemoryLaneOp,
  type MemoryOp,
  memoryLaneOps,
  memoryOps,
  type PlainOp,
  plainOps,
  structuralOps,
} from './opcodes.ts';

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

/** The codes of value types in the binary format. */
export const valueTypeCodes: Readonly<Record<ValueType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

const emptyBlockType = 0x40;

/** A parameter or local variable of one function. */
export interface Local {
  readonly index: number;
  readonly type: ValueType;
}

/** A global variable of the module. */
export interface Global {
  readonly index: number;
  readonly type: ValueType;
}

/** The target of a branch: the end of a block, or the start of a loop. */
export interface Label {
  readonly depth: number;
}

/** A function that can be called. */
export interface Callable {
  readonly index: number;
  readonly name: string;
}

/** A 32-bit integer: a constant that is known when the code is generated, or a local. */
export type Operand = number | Local;

/** A flag in the alignment of a memory access: the number of a memory follows. */
export const numberedMemory = 0x40;

/** Writes the body of one function. */
export class FunctionBuilder<Params extends readonly ValueType[] = readonly ValueType[]> implements Callable {
  readonly index: number;
  readonly name: string;
  readonly params: { readonly [K in keyof Params]: Local };
  readonly results: readonly ValueType[];
  readonly #locals: ValueType[] = [];
  readonly #free = new Map<ValueType, Local[]>();
  readonly #constants = new Map<string, Local>();
  readonly #entry = new ByteWriter();
  readonly #code = new ByteWriter();
  #depth = 0;

  /** See `ModuleBuilder.function`. */
  constructor(index: number, name: string, params: Params, results: readonly ValueType[]) {
    this.index = index;
    this.name = name;
    this.params = params.map((type, k): Local => ({ index: k, type })) as { readonly [K in keyof Params]: Local };
    this.results = results;
  }

  // Variables.

  /** A local variable. A new one is zero; one that was released before still has its old value. */
  local(type: ValueType): Local {
    const reused = this.#free.get(type)?.pop();
    if (reused !== undefined) return reused;
    this.#locals.push(type);
    return { index: this.params.length + this.#locals.length - 1, type };
  }

  /** `count` locals of one type. */
  locals(type: ValueType, count: number): Local[] {
    return Array.from({ length: count }, () => this.local(type));
  }

  /** Releases locals, so that `local` can return them again. */
  release(...locals: readonly Local[]): this {
    for (const local of locals) {
      const free = this.#free.get(local.type);
      if (free === undefined) this.#free.set(local.type, [local]);
      else free.push(local);
    }
    return this;
  }

  get(local: Local): this {
    return this.#opcode(structuralOps['local.get']).#unsigned(local.index);
  }

  set(local: Local): this {
    return this.#opcode(structuralOps['local.set']).#unsigned(local.index);
  }

  tee(local: Local): this {
    return this.#opcode(structuralOps['local.tee']).#unsigned(local.index);
  }

  getGlobal(global: Global): this {
    return this.#opcode(structuralOps['global.get']).#unsigned(global.index);
  }

  setGlobal(global: Global): this {
    return this.#opcode(structuralOps['global.set']).#unsigned(global.index);
  }

  // Constants.

  i32(value: number): this {
    this.#opcode(structuralOps['i32.const']);
    this.#code.signed(value);
    return this;
  }

  i64(value: bigint): this {
    this.#opcode(structuralOps['i64.const']);
    this.#code.signed(value);
    return this;
  }

  f32(value: number): this {
    this.#opcode(structuralOps['f32.const']);
    this.#code.float32(value);
    return this;
  }

  f64(value: number): this {
    this.#opcode(structuralOps['f64.const']);
    this.#code.float64(value);
    return this;
  }

  /** A vector of four 32-bit integers; one value fills all lanes. */
  i32x4(...values: readonly [number] | readonly [number, number, number, number]): this {
    return this.#vector(4, values, (bytes, value) => bytes.bytes(new Uint8Array(Int32Array.of(value).buffer)));
  }

  /** A vector of four f32; one value fills all lanes. */
  f32x4(...values: readonly [number] | readonly [number, number, number, number]): this {
    return this.#vector(4, values, (bytes, value) => bytes.float32(value));
  }

  /** A vector of two f64; one value fills both lanes. */
  f64x2(...values: readonly [number] | readonly [number, number]): this {
    return this.#vector(2, values, (bytes, value) => bytes.float64(value));
  }

  /**
   * A local that is set to a vector constant at the function's entry; equal constants share one. Use this inside loops, because V8
   * builds a `v128.const` from two 64-bit immediates each time it is executed. The local must not be set or released.
   */
  constant(kind: 'i32x4' | 'f32x4' | 'f64x2', ...values: readonly number[]): Local {
    const lanes = kind === 'f64x2' ? 2 : 4;
    const all = spread(values, lanes);
    const numbers =
      kind === 'i32x4' ? Int32Array.from(all) : kind === 'f32x4' ? Float32Array.from(all) : Float64Array.from(all);
    const key = new Int32Array(numbers.buffer).join();
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    this.#locals.push('v128');
    const local: Local = { index: this.params.length + this.#locals.length - 1, type: 'v128' };
    this.#constants.set(key, local);
    this.#entry.byte(structuralOps['v128.const'] >>> 16).unsigned(structuralOps['v128.const'] & 0xffff);
    this.#entry.bytes(new Uint8Array(numbers.buffer)).byte(structuralOps['local.set']).unsigned(local.index);
    return local;
  }

  #vector(lanes: number, values: readonly number[], write: (bytes: ByteWriter, value: number) => void): this {
    this.#opcode(structuralOps['v128.const']);
    for (const value of spread(values, lanes)) write(this.#code, value);
    return this;
  }

  /** Pushes an `i32` constant or local. */
  push(operand: Operand): this {
    return typeof operand === 'number' ? this.i32(operand) : this.get(operand);
  }

  // Instructions.

  /** An instruction without immediates. */
  op(name: PlainOp): this {
    return this.#opcode(plainOps[name]);
  }

  /**
   * A load, store or atomic access at `address on the stack + offset` (bytes) in one of the imported memories. `align` is a hint in
   * bytes; the default is the natural alignment.
   */
  mem(name: MemoryOp, offset = 0, align?: number, memory = 0): this {
    const [code, natural] = memoryOps[name];
    return this.#opcode(code).#memoryArgument(name, offset, align ?? natural, memory);
  }

  /** Extracts or replaces a lane. */
  lane(name: LaneOp, lane: number): this {
    this.#opcode(laneOps[name]);
    this.#code.byte(lane);
    return this;
  }

  /** Loads or stores one lane. */
  memLane(name: MemoryLaneOp, lane: number, offset = 0, align?: number, memory = 0): this {
    const [code, natural] = memoryLaneOps[name];
    this.#opcode(code).#memoryArgument(name, offset, align ?? natural, memory);
    this.#code.byte(lane);
    return this;
  }

  /** `i8x16.shuffle`: byte b of the result is byte `bytes[b]` of the first (0 to 15) or second (16 to 31) vector. */
  shuffle(bytes: readonly number[]): this {
    this.#opcode(structuralOps['i8x16.shuffle']);
    this.#code.bytes(bytes);
    return this;
  }

  /** A shuffle of 32-bit lanes: four numbers from 0 to 7. */
  shuffle32(lanes: readonly [number, number, number, number]): this {
    return this.shuffle(lanes.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]));
  }

  /** A shuffle of 64-bit lanes: two numbers from 0 to 3. */
  shuffle64(lanes: readonly [number, number]): this {
    return this.shuffle(lanes.flatMap((lane) => Array.from({ length: 8 }, (_, b) => 8 * lane + b)));
  }

  /** Stack: destination, source, number of bytes. */
  memoryCopy(): this {
    this.#opcode(structuralOps['memory.copy']);
    this.#code.byte(0).byte(0);
    return this;
  }

  /** Stack: destination, byte, number of bytes. */
  memoryFill(memory = 0): this {
    this.#opcode(structuralOps['memory.fill']);
    this.#code.unsigned(memory);
    return this;
  }

  fence(): this {
    this.#opcode(structuralOps['atomic.fence']);
    this.#code.byte(0);
    return this;
  }

  call(target: Callable): this {
    return this.#opcode(structuralOps.call).#unsigned(target.index);
  }

  drop(): this {
    return this.#opcode(structuralOps.drop);
  }

  /** Stack: value if true, value if false, condition. */
  select(): this {
    return this.#opcode(structuralOps.select);
  }

  return(): this {
    return this.#opcode(structuralOps.return);
  }

  unreachable(): this {
    return this.#opcode(structuralOps.unreachable);
  }

  // Control flow.

  /** A branch to the label that is passed to `body` leaves the block. */
  block(body: (end: Label) => void, result?: ValueType): this {
    return this.#structure(structuralOps.block, result, body);
  }

  /** A branch to the label that is passed to `body` starts the next iteration; reaching the end of `body` leaves the loop. */
  loop(body: (start: Label) => void, result?: ValueType): this {
    return this.#structure(structuralOps.loop, result, body);
  }

  /** Takes the condition from the stack. */
  if(then: (end: Label) => void, otherwise?: (end: Label) => void, result?: ValueType): this {
    return this.#structure(structuralOps.if, result, (end) => {
      then(end);
      if (otherwise === undefined) return;
      this.#opcode(structuralOps.else);
      otherwise(end);
    });
  }

  #structure(code: number, result: ValueType | undefined, body: (label: Label) => void): this {
    this.#opcode(code);
    this.#code.byte(result === undefined ? emptyBlockType : valueTypeCodes[result]);
    const depth = ++this.#depth;
    body({ depth });
    if (this.#depth !== depth) throw new Error(`${this.name}: a nested block was not closed`);
    this.#depth--;
    return this.#opcode(structuralOps.end);
  }

  br(label: Label): this {
    return this.#opcode(structuralOps.br).#unsigned(this.#depth - label.depth);
  }

  /** Takes the condition from the stack. */
  brIf(label: Label): this {
    return this.#opcode(structuralOps.br_if).#unsigned(this.#depth - label.depth);
  }

  /**
   * `for (counter = start; counter < end; counter += step) body`, signed. `end` and `step` are read again in each iteration. The test is
   * at the end, so an iteration costs one branch.
   */
  forLoop(counter: Local, start: Operand, end: Operand, step: Operand, body: () => void): this {
    this.push(start).set(counter);
    const rounds = (): this =>
      this.loop((again) => {
        body();
        this.get(counter).push(step).op('i32.add').tee(counter).push(end).op('i32.lt_s').brIf(again);
      });
    if (typeof start === 'number' && typeof end === 'number') return start < end ? rounds() : this;
    return this.get(counter).push(end).op('i32.lt_s').if(rounds);
  }

  /** `local += amount`. */
  increment(local: Local, amount: Operand): this {
    if (amount === 0) return this;
    return this.get(local).push(amount).op('i32.add').set(local);
  }

  /** Pushes `(value on the stack) * factor`. */
  times(factor: number): this {
    if (factor === 1) return this;
    const shift = Math.log2(factor);
    return Number.isInteger(shift) ? this.i32(shift).op('i32.shl') : this.i32(factor).op('i32.mul');
  }

  #opcode(code: number): this {
    if (code > 0xff) this.#code.byte(code >>> 16).unsigned(code & 0xffff);
    else this.#code.byte(code);
    return this;
  }

  #unsigned(value: number): this {
    this.#code.unsigned(value);
    return this;
  }

  /** A flag in the alignment tells whether the number of a memory follows; without it the access is to the first memory. */
  #memoryArgument(name: string, offset: number, align: number, memory: number): this {
    if (!(offset >= 0 && offset < 2 ** 32))
      throw new RangeError(`${this.name}: ${name}: offset ${offset} is not an unsigned 32-bit number`);
    if (memory === 0) this.#code.unsigned(Math.log2(align)).unsigned(offset);
    else
      this.#code
        .unsigned(Math.log2(align) | numberedMemory)
        .unsigned(memory)
        .unsigned(offset);
    return this;
  }

  /** The instructions without local declarations and closing `end`: for `toText`. */
  code(): Uint8Array {
    return new ByteWriter().bytes(this.#entry.written()).bytes(this.#code.written()).written();
  }

  /** The body in the form of the code section. */
  encode(): ByteWriter {
    const runs: { type: ValueType; count: number }[] = [];
    for (const type of this.#locals) {
      const last = runs[runs.length - 1];
      if (last?.type === type) last.count++;
      else runs.push({ type, count: 1 });
    }
    const body = new ByteWriter().unsigned(runs.length);
    for (const { type, count } of runs) body.unsigned(count).byte(valueTypeCodes[type]);
    return body.bytes(this.code()).byte(structuralOps.end);
  }

  get localTypes(): readonly ValueType[] {
    return this.#locals;
  }
}

/** Repeats a single value for all lanes; otherwise there must be one value for each lane. */
const spread = (values: readonly number[], lanes: number): number[] =>
  Array.from({ length: lanes }, (_, lane) => nth(values, values.length === 1 ? 0 : lane));
