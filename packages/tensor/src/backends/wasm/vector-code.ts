import type { FunctionBuilder, Local, Operand } from './encoder.ts';
import type { Features } from './features.ts';
import type { PlainOp } from './opcodes.ts';

/** The lanes of a 128-bit vector of floats. */
export type FloatVector = 'f32x4' | 'f64x2';

/**
 * Vector code in which each value lives in a local: an operation takes locals and puts its result into another one, which belongs
 * to the scope that is open. V8 turns locals into values without a place, so this costs nothing.
 */
export class VectorCode {
  readonly fn: FunctionBuilder;
  readonly #relaxedSimd: boolean;
  #owned: Local[] = [];

  constructor(fn: FunctionBuilder, features: Features) {
    this.fn = fn;
    this.#relaxedSimd = features.relaxedSimd;
  }

  /** Runs `body`; what it allocates, except for what it returns, may be used again by what comes later. */
  scope<T extends Local | readonly Local[]>(body: () => T): T {
    const outer = this.#owned;
    this.#owned = [];
    const result = body();
    const kept: readonly Local[] = Array.isArray(result) ? result : [result];
    for (const local of this.#owned)
      if (kept.includes(local)) outer.push(local);
      else this.fn.release(local);
    this.#owned = outer;
    return result;
  }

  /** A local of the open scope. */
  fresh(type: Local['type'] = 'v128'): Local {
    const local = this.fn.local(type);
    this.#owned.push(local);
    return local;
  }

  /** Pops the stack into a local of the open scope. */
  take(type: Local['type'] = 'v128'): Local {
    const local = this.fresh(type);
    this.fn.set(local);
    return local;
  }

  op(name: PlainOp, ...operands: readonly Local[]): Local {
    for (const operand of operands) this.fn.get(operand);
    this.fn.op(name);
    return this.take();
  }

  shift(name: PlainOp, value: Local, count: Operand): Local {
    this.fn.get(value).push(count).op(name);
    return this.take();
  }

  shuffle32(a: Local, b: Local, lanes: readonly [number, number, number, number]): Local {
    this.fn.get(a).get(b).shuffle32(lanes);
    return this.take();
  }

  /** The same constant in all lanes. */
  splat(type: FloatVector | 'i32x4', value: number): Local {
    return this.fn.constant(type, value);
  }

  /** a * b + c, rounded once where the engine can. */
  multiplyAdd(type: FloatVector, a: Local, b: Local, c: Local): Local {
    if (this.#relaxedSimd) return this.op(`${type}.relaxed_madd`, a, b, c);
    return this.op(`${type}.add`, this.op(`${type}.mul`, a, b), c);
  }

  /** c - a * b, rounded once where the engine can. */
  subtractProduct(type: FloatVector, a: Local, b: Local, c: Local): Local {
    if (this.#relaxedSimd) return this.op(`${type}.relaxed_nmadd`, a, b, c);
    return this.op(`${type}.sub`, c, this.op(`${type}.mul`, a, b));
  }

  /** Lanes of `yes` where the mask has all ones, of `no` where it has all zeros. */
  select(type: FloatVector | 'i32x4', mask: Local, yes: Local, no: Local): Local {
    if (!this.#relaxedSimd) return this.op('v128.bitselect', yes, no, mask);
    return this.op(type === 'f64x2' ? 'i64x2.relaxed_laneselect' : 'i32x4.relaxed_laneselect', yes, no, mask);
  }

  /** Horner's rule: coefficients[0] + x * (coefficients[1] + ...). */
  polynomial(type: FloatVector, x: Local, coefficients: readonly number[]): Local {
    const last = coefficients.length - 1;
    let sum = this.splat(type, coefficients[last]);
    for (let k = last - 1; k >= 0; k--) sum = this.multiplyAdd(type, sum, x, this.splat(type, coefficients[k]));
    return sum;
  }
}
