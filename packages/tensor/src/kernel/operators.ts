/**
 * The elementwise operations and reductions that graphs and kernels share, one table entry each: which elements an operation takes,
 * what it costs, and what it computes from single numbers. The unions of their names are the keys of these tables, so that every table
 * of a backend that lacks a new operation fails to compile.
 */
import { castNumber, type DType, isFloat } from './dtype.ts';
import { erf, erfc } from './erf.ts';
import { power } from './power.ts';
import { roundHalfToEven } from './round.ts';

/** What operations distinguish among dtypes. */
export type ElementKind = 'float' | 'integer' | 'bool';

export const kindOf = (dtype: DType): ElementKind => (isFloat(dtype) ? 'float' : dtype === 'bool' ? 'bool' : 'integer');

interface Operator {
  readonly takes: readonly ElementKind[];
  /**
   * Time for f32 or i32, in vector additions. Measured with generated WebAssembly on one core of an AMD EPYC (Node 24, 256-bit pairs,
   * data in the second-level cache), where an addition takes 0.067 ns for four elements; rounded. f64 takes two to three times as long.
   */
  readonly cost: number;
}

/** Numbers at which a function is smooth. */
export type Smoothness = 'everywhere' | 'positive' | 'nonzero' | 'between integers' | 'between halves';

interface FunctionOfOne extends Operator {
  /** In double precision; integer results are wrapped by `unaryFunction`. */
  readonly compute: (x: number) => number;
}

interface UnaryOperator extends FunctionOfOne {
  readonly smooth: Smoothness;
}

interface BinaryOperator extends Operator {
  /** The dtype of the result where it is not the operands' own. */
  readonly result?: 'bool';
  /** In double precision; integer results are wrapped by `binaryFunction`. */
  readonly compute: (a: number, b: number) => number;
}

/**
 * Operations of one source, except `cast`. `erf`, `tanh`, `expm1` and `log1p` are primitives because compositions would be inaccurate near 0;
 * `exp2`, `log2` and `log10` because powers of the base would not be exact.
 */
export const unaryOperators = {
  neg: { takes: ['float', 'integer'], cost: 1, smooth: 'everywhere', compute: (x) => -x },
  recip: { takes: ['float'], cost: 4, smooth: 'nonzero', compute: (x) => 1 / x },
  sqrt: { takes: ['float'], cost: 8, smooth: 'positive', compute: Math.sqrt },
  exp: { takes: ['float'], cost: 20, smooth: 'everywhere', compute: Math.exp },
  log: { takes: ['float'], cost: 35, smooth: 'positive', compute: Math.log },
  // f32 is computed in f64, as is that of cos.
  sin: { takes: ['float'], cost: 130, smooth: 'everywhere', compute: Math.sin },
  cos: { takes: ['float'], cost: 130, smooth: 'everywhere', compute: Math.cos },
  // Of integers and bool: the identity.
  floor: { takes: ['float', 'integer', 'bool'], cost: 3, smooth: 'between integers', compute: Math.floor },
  tanh: { takes: ['float'], cost: 25, smooth: 'everywhere', compute: Math.tanh },
  erf: { takes: ['float'], cost: 40, smooth: 'everywhere', compute: erf },
  // f32 is computed in f64.
  erfc: { takes: ['float'], cost: 300, smooth: 'everywhere', compute: erfc },
  expm1: { takes: ['float'], cost: 22, smooth: 'everywhere', compute: Math.expm1 },
  exp2: { takes: ['float'], cost: 20, smooth: 'everywhere', compute: (x) => 2 ** x },
  log1p: { takes: ['float'], cost: 42, smooth: 'positive', compute: Math.log1p },
  log2: { takes: ['float'], cost: 36, smooth: 'positive', compute: Math.log2 },
  log10: { takes: ['float'], cost: 37, smooth: 'positive', compute: Math.log10 },
  atan: { takes: ['float'], cost: 30, smooth: 'everywhere', compute: Math.atan },
  ceil: { takes: ['float'], cost: 3, smooth: 'between integers', compute: Math.ceil },
  trunc: { takes: ['float'], cost: 3, smooth: 'between integers', compute: Math.trunc },
  // Halves become the even one of their neighbors.
  round: { takes: ['float'], cost: 3, smooth: 'between halves', compute: roundHalfToEven },
} as const satisfies Readonly<Record<string, UnaryOperator>>;

/**
 * Only in kernels, where f16 and bf16 are types of memory: a cast to one of them rounds an f32 to a value of the type. Infinities, NaN
 * and the sign of 0 stay; values that are too large become infinity.
 */
export const roundOperators = {
  roundF16: { takes: ['float'], cost: 25, compute: castNumber.f16 },
  roundBf16: { takes: ['float'], cost: 8, compute: castNumber.bf16 },
} as const satisfies Readonly<Record<string, FunctionOfOne>>;

const isNegative = (x: number): boolean => x < 0 || Object.is(x, -0);

/**
 * Operations of two sources of equal shape and dtype. Integer results wrap around: i32 to 32 bits, u8 to 8. `max` of a NaN is NaN.
 * `div` is rounded once, to nearest. `pow` is C's, special values included (C99, annex F.9.4.4). `idiv` truncates, `mod` has the sign of
 * the dividend; where the divisor is 0, both return 0 for integers. `mod` of floats is exact, like C's fmod. Shifts count modulo 32;
 * `shr` shifts in zeros.
 */
export const binaryOperators = {
  add: { takes: ['float', 'integer'], cost: 1, compute: (a, b) => a + b },
  mul: { takes: ['float', 'integer'], cost: 1, compute: (a, b) => a * b },
  div: { takes: ['float'], cost: 4, compute: (a, b) => a / b },
  // f32 is computed in f64.
  pow: { takes: ['float'], cost: 250, compute: power },
  // 6 in general, 1 if one operand is a constant.
  max: { takes: ['float', 'integer', 'bool'], cost: 4, compute: Math.max },
  lt: { takes: ['float', 'integer'], cost: 1, result: 'bool', compute: (a, b) => Number(a < b) },
  eq: { takes: ['float', 'integer', 'bool'], cost: 1, result: 'bool', compute: (a, b) => Number(a === b) },
  // The magnitude of the first with the sign of the second, also of zeros.
  copysign: { takes: ['float'], cost: 3, compute: (a, b) => (isNegative(b) ? -Math.abs(a) : Math.abs(a)) },
  idiv: { takes: ['integer'], cost: 36, compute: (a, b) => (b === 0 ? 0 : Math.trunc(a / b)) },
  // Of floats, element by element: about 300. An integer of NaN is 0.
  mod: { takes: ['float', 'integer'], cost: 40, compute: (a, b) => a % b },
  and: { takes: ['integer', 'bool'], cost: 1, compute: (a, b) => a & b },
  or: { takes: ['integer', 'bool'], cost: 1, compute: (a, b) => a | b },
  xor: { takes: ['integer', 'bool'], cost: 1, compute: (a, b) => a ^ b },
  // By a constant, as nearly all shifts are; by a count that differs from element to element 28.
  shl: { takes: ['integer'], cost: 1, compute: (a, b) => a << b },
  shr: { takes: ['integer'], cost: 1, compute: (a, b) => a >>> b },
} as const satisfies Readonly<Record<string, BinaryOperator>>;

/** Operations that code generators write for combinations of the above: a + -b, -max(-a, -b). */
const derivedOperators = {
  sub: { takes: ['float', 'integer'], cost: 1, compute: (a, b) => a - b },
  min: { takes: ['float'], cost: 4, compute: Math.min },
} as const satisfies Readonly<Record<string, BinaryOperator>>;

/** `start` is the result for no elements. */
export const reduceOperators = {
  sum: { start: 0, join: (a: number, b: number): number => a + b },
  max: { start: Number.NEGATIVE_INFINITY, join: Math.max },
} as const;

/** Elementwise operations of one number: all but `cast`, whose meaning depends on the dtypes. */
export type UnaryFunction = keyof typeof unaryOperators;

/**
 * Elementwise operations of one source. `cast` converts to the node's dtype: floating point to i32 truncates and saturates (NaN becomes 0),
 * to u8 keeps the low 8 bits of that, to bool is `x != 0`.
 */
export type UnaryOp = UnaryFunction | 'cast';

export type RoundOp = keyof typeof roundOperators;

/** Elementwise operations of two sources. */
export type BinaryOp = keyof typeof binaryOperators;

/** The operations of two sources that code generators know. */
export type BinaryKind = BinaryOp | keyof typeof derivedOperators;

export type ReduceOp = keyof typeof reduceOperators;

const castCost = 2;
const unaryCosts = { ...unaryOperators, ...roundOperators, cast: { cost: castCost } } as const;
const binaryKinds = { ...binaryOperators, ...derivedOperators } as const;

export const unaryCost = (op: UnaryOp | RoundOp): number => unaryCosts[op].cost;
export const binaryCost = (op: BinaryKind): number => binaryKinds[op].cost;

/** The dtype of the result for operands of `dtype`. */
export function binaryResult(op: BinaryOp, dtype: DType): DType {
  const { result }: BinaryOperator = binaryOperators[op];
  return result ?? dtype;
}

const functionsOfOne = { ...unaryOperators, ...roundOperators } as const;

/** The operations of one source that take elements of one kind. */
export type UnaryOn<K extends ElementKind> = {
  [O in keyof typeof functionsOfOne]: K extends (typeof functionsOfOne)[O]['takes'][number] ? O : never;
}[keyof typeof functionsOfOne];

/** The operations of two sources that take elements of one kind. */
export type BinaryOn<K extends ElementKind> = {
  [O in BinaryKind]: K extends (typeof binaryKinds)[O]['takes'][number] ? O : never;
}[BinaryKind];

export const unaryTakes = <K extends ElementKind>(op: UnaryFunction | RoundOp, kind: K): op is UnaryOn<K> =>
  (functionsOfOne[op].takes as readonly ElementKind[]).includes(kind);

export const binaryTakes = <K extends ElementKind>(op: BinaryKind, kind: K): op is BinaryOn<K> =>
  (binaryKinds[op].takes as readonly ElementKind[]).includes(kind);

const notTaken = (op: string, kind: ElementKind): never => {
  throw new TypeError(`${op}: is not defined for ${kind} elements`);
};

/** The entry for an operation in a table of those that take elements of one kind; an error where it does not take them. */
export const unaryEntry = <K extends ElementKind, T>(
  table: Readonly<Record<UnaryOn<K>, T>>,
  op: UnaryFunction | RoundOp,
  kind: K,
): T => (unaryTakes(op, kind) ? table[op] : notTaken(op, kind));

/** The same for operations of two sources. */
export const binaryEntry = <K extends ElementKind, T>(
  table: Readonly<Record<BinaryOn<K>, T>>,
  op: BinaryKind,
  kind: K,
): T => (binaryTakes(op, kind) ? table[op] : notTaken(op, kind));
