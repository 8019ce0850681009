/** Writes code for vectors, as expressions that are computed where they are used. */
import type { FunctionBuilder, Local, Operand } from '../emit/encoder.ts';
import type { Target } from '../emit/features.ts';
import type { PlainOp } from '../emit/opcodes.ts';

/** The lanes of a 128-bit vector of floats. */
export type FloatVector = 'f32x4' | 'f64x2';

/**
 * A vector that is computed where it is used: code that leaves it on the stack. It can be used only once; a vector that is used more often
 * must be put into a local. (Locals would always work. But V8 carries a local that is set in a loop around that loop, whether it is read
 * there or not: hundreds of them make the compiler slow, and keep it from pairing vectors.)
 */
export class Expression {
  #push: (() => void) | null;

  constructor(push: () => void) {
    this.#push = push;
  }

  push(): void {
    if (this.#push === null) throw new Error('wasm: an expression is used twice; put it into a local');
    const push = this.#push;
    this.#push = null;
    push();
  }
}

export type Vector = Local | Expression;

/** Writes vector code into a function, and manages the locals of vectors that are used more than once. */
export class VectorCode {
  readonly fn: FunctionBuilder;
  readonly #relaxedSimd: boolean;
  readonly #memories: readonly number[];
  #owned: Local[] = [];

  constructor(fn: FunctionBuilder, target: Target) {
    this.fn = fn;
    this.#relaxedSimd = target.relaxedSimd;
    this.#memories = target.memories ?? [];
  }

  /** The memory that contains a buffer. */
  memoryOf(buffer: number): number {
    return this.#memories[buffer] ?? 0;
  }

  /** Runs `body`, and releases its locals for later code. Its expressions must have been used by then. */
  scope(body: () => void): void {
    const outer = this.#owned;
    this.#owned = [];
    body();
    this.fn.release(...this.#owned);
    this.#owned = outer;
  }

  /** Computes the vector that `body` returns into a local, and releases all other locals of `body`. */
  scoped(body: () => Vector): Local {
    const result = this.fresh();
    this.scope(() => {
      this.push(body()).set(result);
    });
    return result;
  }

  /** A new local of the current scope. */
  fresh(type: Local['type'] = 'v128'): Local {
    const local = this.fn.local(type);
    this.#owned.push(local);
    return local;
  }

  /** Pops the stack into a new local of the current scope. */
  take(type: Local['type'] = 'v128'): Local {
    const local = this.fresh(type);
    this.fn.set(local);
    return local;
  }

  push(vector: Vector): FunctionBuilder {
    if (vector instanceof Expression) vector.push();
    else this.fn.get(vector);
    return this.fn;
  }

  /** A local with the vector; an expression is computed now. */
  local(vector: Vector): Local {
    if (!(vector instanceof Expression)) return vector;
    vector.push();
    return this.take();
  }

  op(name: PlainOp, ...operands: readonly Vector[]): Expression {
    return new Expression(() => {
      for (const operand of operands) this.push(operand);
      this.fn.op(name);
    });
  }

  shift(name: PlainOp, value: Vector, count: Operand): Expression {
    return new Expression(() => {
      this.push(value).push(count).op(name);
    });
  }

  shuffle32(a: Vector, b: Vector, lanes: readonly [number, number, number, number]): Expression {
    return new Expression(() => {
      this.push(a);
      this.push(b).shuffle32(lanes);
    });
  }

  /** The high half of a vector, moved to the low half. */
  highHalf(vector: Local): Expression {
    return this.shuffle32(vector, vector, [2, 3, 2, 3]);
  }

  /** The same constant in all lanes. */
  splat(type: FloatVector | 'i32x4', value: number): Local {
    return this.fn.constant(type, value);
  }

  /** a * b + c, rounded once if the engine supports that. */
  multiplyAdd(type: FloatVector, a: Vector, b: Vector, c: Vector): Expression {
    if (this.#relaxedSimd) return this.op(`${type}.relaxed_madd`, a, b, c);
    return this.op(`${type}.add`, this.op(`${type}.mul`, a, b), c);
  }

  /** c - a * b, rounded once if the engine supports that. */
  subtractProduct(type: FloatVector, a: Vector, b: Vector, c: Vector): Expression {
    if (this.#relaxedSimd) return this.op(`${type}.relaxed_nmadd`, a, b, c);
    return this.op(`${type}.sub`, c, this.op(`${type}.mul`, a, b));
  }

  /** The lanes of `yes` where the mask is all ones, those of `no` where it is all zeros. */
  select(type: FloatVector | 'i32x4', mask: Vector, yes: Vector, no: Vector): Expression {
    if (!this.#relaxedSimd) return this.op('v128.bitselect', yes, no, mask);
    return this.op(type === 'f64x2' ? 'i64x2.relaxed_laneselect' : 'i32x4.relaxed_laneselect', yes, no, mask);
  }

  // Signs are changed by bit operations. V8 creates the mask again, in two instructions, for each f32x4.neg and abs; and when V8 (that of
  // Node 24.21) pairs two f64x2.neg or abs, the mask is wrong.

  negate(type: FloatVector, x: Vector): Expression {
    return this.op('v128.xor', x, this.splat(type, -0));
  }

  absolute(type: FloatVector, x: Vector): Expression {
    return this.op('v128.andnot', x, this.splat(type, -0));
  }
}
