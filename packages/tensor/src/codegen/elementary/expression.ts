/**
 * The form in which elementary functions are written once for all backends: expressions of a few primitives, which each backend
 * translates to its own code. Expressions have no branches and no loops. One that is used several times is computed once.
 */

interface Kinds {
  /** A floating-point number. */
  float: unknown;
  /** Whether a condition holds. */
  mask: unknown;
  /** An integer as the exponent of a power of 2. Small enough for the power to be a normal number. */
  exponent: unknown;
  /** An integer that counts quarters of a circle, of up to 20 bits. */
  quadrant: unknown;
  /** A positive normal number as a power of 2 and a factor. */
  split: unknown;
}

type Kind = keyof Kinds;

export interface Expression<K extends Kind = Kind> {
  readonly kind: K;
  /** A primitive, or what is not computed at all. */
  readonly op: keyof Primitives<unknown, unknown> | 'variable';
  /** The value of a constant, the name of a variable. */
  readonly literal: number | string | null;
  readonly operands: readonly Expression[];
  /** Expressions are computed in the order in which they were made. */
  readonly order: number;
}

export type Float = Expression<'float'>;
export type Mask = Expression<'mask'>;
export type Exponent = Expression<'exponent'>;
export type Quadrant = Expression<'quadrant'>;
export type Split = Expression<'split'>;

/**
 * A backend's code for each primitive. `V` represents numbers (floats, exponents, quadrants, splits) in generated code, `M` masks.
 * "NaN passes" means that the result is NaN where the first operand is.
 */
export interface Primitives<V, M> {
  constant(value: number): V;
  add(a: V, b: V): V;
  sub(a: V, b: V): V;
  mul(a: V, b: V): V;
  div(a: V, b: V): V;
  /** a * b + c, rounded once or twice. */
  multiplyAdd(a: V, b: V, c: V): V;
  /** c - a * b, rounded once or twice. */
  subtractProduct(a: V, b: V, c: V): V;
  /** The smaller of x and a constant limit. NaN passes. */
  atMost(x: V, limit: V): V;
  /** The larger of x and a constant limit. NaN passes. */
  atLeast(x: V, limit: V): V;
  absolute(x: V): V;
  /** `magnitude`, which is not negative, with the sign of `sign`. */
  copySign(magnitude: V, sign: V): V;
  /** The largest whole number that is not greater than x. */
  floor(x: V): V;
  /** x with at most half of the significant bits that the precision has, towards 0: the product of two such numbers is exact. */
  highPart(x: V): V;

  less(a: V, b: V): M;
  /** x = 0, and not a denormal number. */
  isZero(x: V): M;
  /** x < infinity. Any result for -infinity. */
  isBelowInfinity(x: V): M;
  select(condition: M, yes: V, no: V): V;
  /** NaN where the condition holds, x elsewhere. */
  nanWhere(condition: M, x: V): V;

  /** The integer nearest to x, or to x times a factor. */
  exponent(x: V, factor?: V): V;
  exponentNumber(exponent: V): V;
  /** 2^n. */
  powerOfTwo(exponent: V): V;

  /** The integer nearest to x times a factor. */
  quadrant(x: V, factor: V): V;
  quadrantNumber(quadrant: V): V;
  /** k + 1. */
  nextQuadrant(quadrant: V): V;
  isOdd(quadrant: V): M;
  /** x, negated where bit 1 of the quadrant is set. */
  negateInSecondHalf(quadrant: V, x: V): V;

  /** Of a positive denormal number: x * 2^mantissaBits, which is normal. Any result for other numbers. */
  enlargeDenormal(x: V): V;
  /** A positive normal number x = 2^k m with m in [sqrt(1/2), sqrt(2)). */
  split(x: V): V;
  /** k + exponentBias. */
  biasedExponent(split: V): V;
  /** m. */
  significand(split: V): V;
}

let made = 0;

const make = <K extends Kind>(
  kind: K,
  op: Expression['op'],
  operands: readonly Expression[],
  literal: Expression['literal'] = null,
): Expression<K> => ({ kind, op, operands, literal, order: made++ });

/** What a function is computed from; `translate` is given its value. */
export const variable = <K extends Kind>(name: string, kind: K): Expression<K> => make(kind, 'variable', [], name);

type Operand = Float | number;

export const constant = (value: number): Float => make('float', 'constant', [], value);

const float = (operand: Operand): Float => (typeof operand === 'number' ? constant(operand) : operand);

const floats = (operands: readonly Operand[]): Float[] => operands.map(float);

// Documented in `Primitives`.

export const add = (...operands: readonly [Operand, Operand]): Float => make('float', 'add', floats(operands));
export const sub = (...operands: readonly [Operand, Operand]): Float => make('float', 'sub', floats(operands));
export const mul = (...operands: readonly [Operand, Operand]): Float => make('float', 'mul', floats(operands));
export const div = (...operands: readonly [Operand, Operand]): Float => make('float', 'div', floats(operands));
export const multiplyAdd = (...operands: readonly [Operand, Operand, Operand]): Float =>
  make('float', 'multiplyAdd', floats(operands));
export const subtractProduct = (...operands: readonly [Operand, Operand, Operand]): Float =>
  make('float', 'subtractProduct', floats(operands));
export const atMost = (x: Float, limit: number): Float => make('float', 'atMost', floats([x, limit]));
export const atLeast = (x: Float, limit: number): Float => make('float', 'atLeast', floats([x, limit]));
export const absolute = (x: Float): Float => make('float', 'absolute', [x]);
export const copySign = (magnitude: Float, sign: Float): Float => make('float', 'copySign', [magnitude, sign]);
export const floor = (x: Float): Float => make('float', 'floor', [x]);
export const highPart = (x: Float): Float => make('float', 'highPart', [x]);

export const less = (...operands: readonly [Operand, Operand]): Mask => make('mask', 'less', floats(operands));
export const isZero = (x: Float): Mask => make('mask', 'isZero', [x]);
export const isBelowInfinity = (x: Float): Mask => make('mask', 'isBelowInfinity', [x]);
export const select = (condition: Mask, yes: Operand, no: Operand): Float =>
  make('float', 'select', [condition, ...floats([yes, no])]);
export const nanWhere = (condition: Mask, x: Float): Float => make('float', 'nanWhere', [condition, x]);

export const exponent = (x: Float, factor?: number): Exponent =>
  make('exponent', 'exponent', factor === undefined ? [x] : floats([x, factor]));
export const exponentNumber = (n: Exponent): Float => make('float', 'exponentNumber', [n]);
export const powerOfTwo = (n: Exponent): Float => make('float', 'powerOfTwo', [n]);

export const quadrant = (x: Float, factor: number): Quadrant => make('quadrant', 'quadrant', floats([x, factor]));
export const quadrantNumber = (k: Quadrant): Float => make('float', 'quadrantNumber', [k]);
export const nextQuadrant = (k: Quadrant): Quadrant => make('quadrant', 'nextQuadrant', [k]);
export const isOdd = (k: Quadrant): Mask => make('mask', 'isOdd', [k]);
export const negateInSecondHalf = (k: Quadrant, x: Float): Float => make('float', 'negateInSecondHalf', [k, x]);

export const enlargeDenormal = (x: Float): Float => make('float', 'enlargeDenormal', [x]);
export const split = (x: Float): Split => make('split', 'split', [x]);
export const biasedExponent = (parts: Split): Float => make('float', 'biasedExponent', [parts]);
export const significand = (parts: Split): Float => make('float', 'significand', [parts]);

/**
 * coefficients[0] + coefficients[1] x + ... by Horner's rule. Given the square of x, even and odd powers are summed separately: this
 * takes as many operations, of which half depend on each other.
 */
export function polynomial(x: Float, coefficients: readonly number[], square?: Float): Float {
  if (square !== undefined) {
    const part = (parity: number): Float =>
      polynomial(
        square,
        coefficients.filter((_, k) => k % 2 === parity),
      );
    return multiplyAdd(part(1), x, part(0));
  }
  const [last, ...others] = [...coefficients].reverse();
  return others.reduce((sum, c) => multiplyAdd(sum, x, c), float(last ?? 0));
}

/** How often each expression that the results depend on is used. */
function countUses(results: readonly Expression[]): Map<Expression, number> {
  const uses = new Map<Expression, number>();
  const visit = (expression: Expression): void => {
    const known = uses.get(expression);
    uses.set(expression, (known ?? 0) + 1);
    if (known === undefined) expression.operands.forEach(visit);
  };
  results.forEach(visit);
  return uses;
}

/** How a backend writes expressions. */
export interface Translator<V, M> {
  readonly primitives: Primitives<V, M>;
  /** A value that may be used several times. */
  readonly keep: (value: V) => V;
  readonly keepMask: (mask: M) => M;
}

/** Code for the results, given the values of their variables. */
export function translate<V, M>(
  results: readonly Float[],
  { primitives, keep, keepMask }: Translator<V, M>,
  variables: Readonly<Record<string, V>>,
): V[] {
  const uses = countUses(results);
  const values = new Map<Expression, V | M>();
  const computed = (expression: Expression): V | M => {
    const value = values.get(expression);
    if (value === undefined) throw new Error(`elementary: '${expression.op}' is used before it is computed`);
    return value;
  };
  for (const expression of [...uses.keys()].sort((a, b) => a.order - b.order)) {
    const { op, operands, literal } = expression;
    const compute = (): V | M => {
      if (op === 'constant') return primitives.constant(Number(literal));
      if (op !== 'variable') return (primitives[op] as (...operands: (V | M)[]) => V | M)(...operands.map(computed));
      const value = variables[String(literal)];
      if (value === undefined) throw new Error(`elementary: the variable '${literal}' has no value`);
      return value;
    };
    const value = compute();
    const once = uses.get(expression) === 1 || op === 'constant';
    values.set(expression, once ? value : expression.kind === 'mask' ? keepMask(value as M) : keep(value as V));
  }
  return results.map((result) => computed(result) as V);
}
