/** Sums and maxima: accumulators of four lanes in registers, joined in a fixed order that no split of the work changes. */
import type { DType } from '../../dtype.ts';
import type { ReduceOp } from '../../node.ts';
import type { Local } from './encoder.ts';
import type { PlainOp } from './opcodes.ts';
import type { Vector, VectorCode } from './vector-code.ts';
import { type LaneCount, type Place, storeAdjacent } from './vector-memory.ts';
import { constantQuad, type Quad, type Representation, representationOf } from './vector-ops.ts';

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

/** Selects the first `lanes` lanes: ones there, zeros beyond. */
function laneMask(code: VectorCode, dtype: DType, lanes: LaneCount): Quad {
  const { fn } = code;
  const on = (lane: number): number => (lane < lanes ? -1 : 0);
  if (dtype !== 'f64') return [fn.constant('i32x4', on(0), on(1), on(2), on(3))];
  return [fn.constant('i32x4', on(0), on(0), on(1), on(1)), fn.constant('i32x4', on(2), on(2), on(3), on(3))];
}

/** What `finishAcross` writes at its hint: two rows of four quads of f64. */
export const pairingHintBytes = 2 * 4 * 32;

/** The locals of four lanes. */
type Accumulator = readonly Local[];

export class Reduction {
  readonly #code: VectorCode;
  readonly #kind: ReduceOp;
  readonly #dtype: DType;
  readonly #representation: Representation;
  readonly #accumulators: readonly Accumulator[];
  /** Long float sums: what the accumulators held each time they were emptied. */
  readonly #totals: readonly Accumulator[] | null;
  /** Maxima of floats: where a NaN was seen. The maximum itself ignores them, which takes one instruction instead of eight. */
  readonly #notNumbers: readonly Accumulator[] | null;

  /** `flushes`: whether `flush` will be called. */
  constructor(code: VectorCode, kind: ReduceOp, dtype: DType, count: number, flushes: boolean) {
    this.#code = code;
    this.#kind = kind;
    this.#dtype = dtype;
    this.#representation = representationOf[dtype];
    const float = this.#representation === 'f32' || this.#representation === 'f64';
    const identity = this.#identity();
    const zero = constantQuad(code, dtype, 0);
    const filled = (initial: Quad): Accumulator[] =>
      Array.from({ length: count }, () =>
        initial.map((part) => {
          code.push(part);
          return code.take();
        }),
      );
    this.#accumulators = filled(identity);
    this.#totals = kind === 'sum' && float && flushes ? filled(zero) : null;
    this.#notNumbers = kind === 'max' && float ? filled(zero) : null;
  }

  #identity(): Quad {
    return constantQuad(this.#code, this.#dtype, this.#kind === 'sum' ? 0 : smallest[this.#representation]);
  }

  get #floatType(): 'f32x4' | 'f64x2' {
    return this.#representation === 'f64' ? 'f64x2' : 'f32x4';
  }

  /** Takes up the first `lanes` lanes of `value`. */
  add(accumulator: number, value: Quad, lanes: LaneCount): void {
    const code = this.#code;
    const identity = this.#identity();
    const mask = lanes === 4 ? null : laneMask(code, this.#dtype, lanes);
    value.forEach((whole, part) => {
      const type = this.#representation === 'f64' ? 'f64x2' : 'i32x4';
      const x =
        mask === null
          ? whole
          : this.#kind === 'sum'
            ? code.op('v128.and', whole, mask[part])
            : code.select(type, mask[part], whole, identity[part]);
      const target = this.#accumulators[accumulator][part];
      if (this.#notNumbers === null) {
        code.push(code.op(joins[this.#kind][this.#representation], target, x)).set(target);
        return;
      }
      const number = code.local(x);
      code.push(code.op(`${this.#floatType}.pmax`, target, number)).set(target);
      const seen = this.#notNumbers[accumulator][part];
      code.push(code.op('v128.or', seen, code.op(`${this.#floatType}.ne`, number, number))).set(seen);
    });
  }

  /** Empties the accumulators into the totals: sums of sums lose fewer digits than one long sum. */
  flush(): void {
    const code = this.#code;
    const zero = constantQuad(code, this.#dtype, 0);
    this.#totals?.forEach((total, k) => {
      total.forEach((local, part) => {
        const accumulator = this.#accumulators[k][part];
        code.push(code.op(`${this.#floatType}.add`, local, accumulator)).set(local);
        code.push(zero[part]).set(accumulator);
      });
    });
  }

  /** The accumulators' final values, one for each. */
  finish(): Accumulator[] {
    const code = this.#code;
    const finished = (accumulator: Accumulator, k: number): Accumulator =>
      accumulator.map((local, part) => code.local(this.#finishPart(local, k, part)));
    return this.#accumulators.map(finished);
  }

  #finishPart(local: Local, k: number, part: number): Vector {
    const code = this.#code;
    if (this.#totals !== null) return code.op(`${this.#floatType}.add`, this.#totals[k][part], local);
    if (this.#notNumbers !== null) return code.op('v128.or', local, this.#notNumbers[k][part]);
    if (this.#dtype === 'u8' && this.#kind === 'sum') return code.op('v128.and', local, code.splat('i32x4', 255));
    return local;
  }

  /**
   * All lanes of all accumulators as one value, in every lane. At `hint`, the accumulators are written to memory, where nobody reads
   * them: V8 pairs vectors only from adjacent stores upwards.
   */
  finishAcross(hint: Place | null): Quad {
    const code = this.#code;
    const totals = this.#totals === null ? this.#accumulators : this.finish();
    const rows = this.#notNumbers === null ? [totals] : [totals, this.#notNumbers];
    if (hint !== null && totals.length > 1)
      rows.forEach((row, r) => {
        for (let k = row.length - 1; k >= 0; k--) {
          const offset = hint.offset + 16 * (r * row.length + k) * row[k].length;
          storeAdjacent(code, this.#dtype === 'f64' ? 'f64' : 'i32', row[k], { address: hint.address, offset }, 4);
        }
      });
    const float = this.#floatType;
    const op = this.#notNumbers === null ? joins[this.#kind][this.#representation] : (`${float}.pmax` as const);
    const total = this.#across(op, totals);
    const seen = this.#notNumbers === null ? null : this.#across('v128.or', this.#notNumbers);
    return total.map((part, k) => code.local(seen === null ? part : code.op('v128.or', part, seen[k])));
  }

  #across(op: PlainOp, quads: readonly Quad[]): Quad {
    const code = this.#code;
    const join = (a: Vector, b: Vector): Vector => code.op(op, a, b);
    let parts = quads;
    while (parts.length > 1) {
      const pairs: Quad[] = [];
      for (let k = 0; k < parts.length; k += 2) {
        const [a, b] = [parts[k], parts[k + 1]];
        pairs.push(b === undefined ? a : a.map((part, p) => join(part, b[p])));
      }
      parts = pairs;
    }
    const [low, high] = parts[0];
    const four = code.local(high === undefined ? low : join(low, high));
    const two = code.local(join(four, code.shuffle32(four, four, [2, 3, 0, 1])));
    if (high !== undefined) return [two, two];
    return [join(two, code.shuffle32(two, two, [1, 0, 3, 2]))];
  }
}
