/** Writes sums and maxima: accumulators of four lanes in registers, combined in a fixed order that does not depend on the split of the work. */

import type { DType } from '../../../kernel/dtype.ts';
import { nth } from '../../../kernel/nth.ts';
import type { ReduceOp } from '../../../kernel/operators.ts';
import type { Local } from '../emit/encoder.ts';
import type { PlainOp } from '../emit/opcodes.ts';
import type { Vector, VectorCode } from '../vectors/vector-code.ts';
import { type LaneCount, loadAdjacent, type Place, storeAdjacent } from '../vectors/vector-memory.ts';
import { constantQuad, type Quad, type Representation, representationOf, vectorsOf } from '../vectors/vector-ops.ts';
import type { ScratchConstants } from './scratch-constants.ts';

const smallest: Readonly<Record<Representation, number>> = {
  f32: Number.NEGATIVE_INFINITY,
  f64: Number.NEGATIVE_INFINITY,
  i32: -(2 ** 31),
  mask: 0,
};

const joins: Readonly<Record<ReduceOp, Readonly<Record<Representation, PlainOp>>>> = {
  sum: { f32: 'f32x4.add', f64: 'f64x2.add', i32: 'i32x4.add', mask: 'v128.or' },
  max: { f32: 'f32x4.max', f64: 'f64x2.max', i32: 'i32x4.max_s', mask: 'v128.or' },
};

/** A mask of the first `lanes` lanes: ones there, zeros after them. */
function laneMask(code: VectorCode, dtype: DType, lanes: LaneCount): Quad {
  const { fn } = code;
  const on = (lane: number): number => (lane < lanes ? -1 : 0);
  if (dtype !== 'f64') return [fn.constant('i32x4', on(0), on(1), on(2), on(3))];
  return [fn.constant('i32x4', on(0), on(0), on(1), on(1)), fn.constant('i32x4', on(2), on(2), on(3), on(3))];
}

/** The number of bytes that `finishAcross` writes at its hint: two rows of eight quads of f64. */
export const pairingHintBytes = 2 * 8 * 32;

/** The locals of four lanes. */
type Accumulator = readonly Local[];

/** The result of an empty reduction, from which accumulators start. */
const identityOf = (kind: ReduceOp, dtype: DType): number => (kind === 'sum' ? 0 : smallest[representationOf[dtype]]);

const isFloating = (dtype: DType): boolean => dtype === 'f32' || dtype === 'f64';

/** bool and u8 accumulate as i32. */
const registerType = (dtype: DType): DType => (isFloating(dtype) ? dtype : 'i32');

/** Reserves the constants from which a reduction's accumulators start. */
export function reserveIdentities(constants: ScratchConstants, kind: ReduceOp, dtype: DType): void {
  if (kind === 'sum' || isFloating(dtype)) constants.reserve(registerType(dtype), 0);
  if (kind === 'max') constants.reserve(registerType(dtype), identityOf(kind, dtype));
}

export interface ReductionOptions {
  readonly kind: ReduceOp;
  readonly dtype: DType;
  /** The number of accumulators that a loop adds to. */
  readonly looped: number;
  /** The number of further accumulators, which receive a single value once. */
  readonly once: number;
  /** Whether `flush` will be called. */
  readonly flushes: boolean;
}

/** Writes one reduction. */
export class Reduction {
  readonly #code: VectorCode;
  readonly #constants: ScratchConstants;
  readonly #kind: ReduceOp;
  readonly #dtype: DType;
  readonly #representation: Representation;
  readonly #looped: number;
  readonly #accumulators: readonly Accumulator[];
  /** For long float sums: the sums of the accumulators' values at each flush. */
  readonly #totals: readonly Accumulator[] | null;
  /** For maxima of floats: where a NaN occurred. The maximum itself ignores NaN, which takes one instruction instead of eight. */
  readonly #notNumbers: readonly Accumulator[] | null;

  constructor(code: VectorCode, constants: ScratchConstants, options: ReductionOptions) {
    const { kind, dtype, looped, once, flushes } = options;
    this.#code = code;
    this.#constants = constants;
    this.#kind = kind;
    this.#dtype = dtype;
    this.#representation = representationOf[dtype];
    this.#looped = looped;
    const filled = (value: number): Accumulator[] =>
      Array.from({ length: looped }, (_, k) => this.#initial(value, k).map((part) => code.local(part)));
    const unset = (): Accumulator[] =>
      Array.from({ length: once }, () => Array.from({ length: vectorsOf(dtype) }, () => code.fresh()));
    this.#accumulators = [...filled(identityOf(kind, dtype)), ...unset()];
    this.#totals = kind === 'sum' && isFloating(dtype) && flushes ? filled(0) : null;
    this.#notNumbers = kind === 'max' && isFloating(dtype) ? [...filled(0), ...unset()] : null;
  }

  /** The value from which the k-th accumulator starts. */
  #initial(value: number, k: number): Quad {
    const type = registerType(this.#dtype);
    return loadAdjacent(this.#code, type, this.#constants.place(type, value, k), 4);
  }

  get #floatType(): 'f32x4' | 'f64x2' {
    return this.#representation === 'f64' ? 'f64x2' : 'f32x4';
  }

  /** Adds the first `lanes` lanes of `value`. */
  add(accumulator: number, value: Quad, lanes: LaneCount): void {
    for (const [part, whole] of value.entries()) this.#addPart(accumulator, part, this.#masked(whole, part, lanes));
  }

  /** A part of a value, with the identity in the lanes after the first `lanes`. */
  #masked(whole: Vector, part: number, lanes: LaneCount): Vector {
    if (lanes === 4) return whole;
    const code = this.#code;
    const mask = nth(laneMask(code, this.#dtype, lanes), part);
    if (this.#kind === 'sum') return code.op('v128.and', whole, mask);
    const identity = constantQuad(code, registerType(this.#dtype), identityOf('max', this.#dtype));
    return code.select(this.#representation === 'f64' ? 'f64x2' : 'i32x4', mask, whole, nth(identity, part));
  }

  #addPart(accumulator: number, part: number, x: Vector): void {
    const code = this.#code;
    const first = accumulator >= this.#looped;
    const join = (op: PlainOp, target: Local, value: Vector): void => {
      code.push(first ? value : code.op(op, target, value)).set(target);
    };
    const target = nth(nth(this.#accumulators, accumulator), part);
    if (this.#notNumbers === null) {
      join(joins[this.#kind][this.#representation], target, x);
      return;
    }
    const number = code.local(x);
    join(`${this.#floatType}.pmax`, target, number);
    const notNumber = nth(nth(this.#notNumbers, accumulator), part);
    join('v128.or', notNumber, code.op(`${this.#floatType}.ne`, number, number));
  }

  /** Adds the accumulators of the loop to the totals and resets them: sums of sums lose fewer digits than one long sum. */
  flush(): void {
    const code = this.#code;
    for (const [k, total] of (this.#totals ?? []).entries()) {
      const empty = this.#initial(0, k);
      for (const [part, local] of total.entries()) {
        const accumulator = nth(nth(this.#accumulators, k), part);
        code.push(code.op(`${this.#floatType}.add`, local, accumulator)).set(local);
        code.push(nth(empty, part)).set(accumulator);
      }
    }
  }

  /** The final value of each accumulator. */
  finish(): Accumulator[] {
    const code = this.#code;
    const finished = (accumulator: Accumulator, k: number): Accumulator =>
      accumulator.map((local, part) => code.local(this.#finishPart(local, k, part)));
    return this.#accumulators.map(finished);
  }

  #finishPart(local: Local, k: number, part: number): Vector {
    const code = this.#code;
    const total = this.#totals?.[k]?.[part];
    if (total !== undefined) return code.op(`${this.#floatType}.add`, total, local);
    if (this.#notNumbers !== null) return code.op('v128.or', local, nth(nth(this.#notNumbers, k), part));
    if (this.#dtype === 'u8' && this.#kind === 'sum') return code.op('v128.and', local, code.splat('i32x4', 255));
    return local;
  }

  /**
   * Combines all lanes of all accumulators into one value, in every lane. At `hint`, the accumulators of the loop are stored to memory, where
   * they are never read: V8 starts to pair vectors only at adjacent stores.
   */
  finishAcross(hint: Place | null): Quad {
    const code = this.#code;
    const totals = this.#totals === null ? this.#accumulators : this.finish();
    const rows = this.#notNumbers === null ? [totals] : [totals, this.#notNumbers];
    if (hint !== null && this.#looped > 1)
      for (const [r, row] of rows.entries())
        for (let k = this.#looped - 1; k >= 0; k--) {
          const accumulator = nth(row, k);
          const offset = hint.offset + 16 * (r * this.#looped + k) * accumulator.length;
          storeAdjacent(code, this.#dtype === 'f64' ? 'f64' : 'i32', accumulator, { address: hint.address, offset }, 4);
        }
    const float = this.#floatType;
    const op = this.#notNumbers === null ? joins[this.#kind][this.#representation] : (`${float}.pmax` as const);
    const total = this.#across(op, totals);
    const seen = this.#notNumbers === null ? null : this.#across('v128.or', this.#notNumbers);
    return total.map((part, k) => code.local(seen === null ? part : code.op('v128.or', part, nth(seen, k))));
  }

  #across(op: PlainOp, quads: readonly Quad[]): Quad {
    const code = this.#code;
    const join = (a: Vector, b: Vector): Vector => code.op(op, a, b);
    let parts = quads;
    while (parts.length > 1) {
      const pairs: Quad[] = [];
      for (let k = 0; k < parts.length; k += 2) {
        const [a, b] = [nth(parts, k), parts[k + 1]];
        pairs.push(b === undefined ? a : a.map((part, p) => join(part, nth(b, p))));
      }
      parts = pairs;
    }
    const last = nth(parts, 0);
    const [low, high] = [nth(last, 0), last[1]];
    const four = code.local(high === undefined ? low : join(low, high));
    const two = code.local(join(four, code.shuffle32(four, four, [2, 3, 0, 1])));
    if (high !== undefined) return [two, two];
    return [join(two, code.shuffle32(two, two, [1, 0, 3, 2]))];
  }
}
