/** Sums and maxima: accumulators of four lanes in registers, joined in a fixed order that no split of the work changes. */
import type { DType } from '../../dtype.ts';
import type { ReduceOp } from '../../node.ts';
import type { Local } from './encoder.ts';
import type { PlainOp } from './opcodes.ts';
import type { VectorCode } from './vector-code.ts';
import type { LaneCount } from './vector-memory.ts';
import { constantQuad, type Quad, type Representation, representationOf, vectorsOf } from './vector-ops.ts';

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

export class Reduction {
  readonly #code: VectorCode;
  readonly #kind: ReduceOp;
  readonly #dtype: DType;
  readonly #representation: Representation;
  readonly #accumulators: readonly Quad[];
  /** Long float sums: what the accumulators held each time they were emptied. */
  readonly #totals: readonly Quad[] | null;
  /** Maxima of floats: where a NaN was seen. The maximum itself ignores them, which takes one instruction instead of eight. */
  readonly #notNumbers: readonly Quad[] | null;

  /** `flushes`: whether `flush` will be called. */
  constructor(code: VectorCode, kind: ReduceOp, dtype: DType, count: number, flushes: boolean) {
    this.#code = code;
    this.#kind = kind;
    this.#dtype = dtype;
    this.#representation = representationOf[dtype];
    const float = this.#representation === 'f32' || this.#representation === 'f64';
    const identity = this.#identity();
    const zero = constantQuad(code, dtype, 0);
    const filled = (initial: Quad): Quad[] =>
      Array.from({ length: count }, () =>
        initial.map((part) => {
          const local = code.fresh();
          code.fn.get(part).set(local);
          return local;
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
    const { fn } = code;
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
        fn.get(target).get(x).op(joins[this.#kind][this.#representation]).set(target);
        return;
      }
      fn.get(target).get(x).op(`${this.#floatType}.pmax`).set(target);
      const seen = this.#notNumbers[accumulator][part];
      fn.get(seen).get(x).get(x).op(`${this.#floatType}.ne`).op('v128.or').set(seen);
    });
  }

  /** Empties the accumulators into the totals: sums of sums lose fewer digits than one long sum. */
  flush(): void {
    const { fn } = this.#code;
    const zero = constantQuad(this.#code, this.#dtype, 0);
    this.#totals?.forEach((total, k) => {
      total.forEach((local, part) => {
        const accumulator = this.#accumulators[k][part];
        fn.get(local).get(accumulator).op(`${this.#floatType}.add`).set(local);
        fn.get(zero[part]).set(accumulator);
      });
    });
  }

  /** The accumulators' final values, one for each. */
  finish(): Quad[] {
    const code = this.#code;
    return this.#accumulators.map((accumulator, k) =>
      accumulator.map((local, part): Local => {
        if (this.#totals !== null) return code.op(`${this.#floatType}.add`, this.#totals[k][part], local);
        if (this.#notNumbers !== null) return code.op('v128.or', local, this.#notNumbers[k][part]);
        if (this.#dtype === 'u8' && this.#kind === 'sum') return code.op('v128.and', local, code.splat('i32x4', 255));
        return local;
      }),
    );
  }

  /** All lanes of all accumulators as one value, in every lane. */
  finishAcross(): Quad {
    const code = this.#code;
    const op = joins[this.#kind][this.#representation];
    const join = (a: Local, b: Local): Local => code.op(op, a, b);
    let parts = this.finish();
    while (parts.length > 1) {
      const pairs: Quad[] = [];
      for (let k = 0; k < parts.length; k += 2) {
        const [a, b] = [parts[k], parts[k + 1]];
        pairs.push(b === undefined ? a : a.map((part, p) => join(part, b[p])));
      }
      parts = pairs;
    }
    let [first] = parts[0];
    if (vectorsOf(this.#dtype) === 2) first = join(parts[0][0], parts[0][1]);
    first = join(first, code.shuffle32(first, first, [2, 3, 0, 1]));
    if (vectorsOf(this.#dtype) === 2) return [first, first];
    return [join(first, code.shuffle32(first, first, [1, 0, 3, 2]))];
  }
}
