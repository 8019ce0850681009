/** What each operation means on single numbers, in double precision. Integers are numbers without a fraction, bool is 0 or 1. */
import { castNumber, type DType, isFloat } from './dtype.ts';
import { erf } from './erf.ts';
import type { BinaryOp, ReduceOp, RoundOp, UnaryOp } from './operators.ts';

/** Wraps the result of integer arithmetic to its dtype. */
const wrapTo: Readonly<Record<DType, (x: number) => number>> = {
  f16: (x) => x,
  bf16: (x) => x,
  f32: (x) => x,
  f64: (x) => x,
  i32: (x) => x | 0,
  u8: (x) => x & 255,
  bool: (x) => Number(x !== 0),
};

const unaryFunctions: Readonly<Record<Exclude<UnaryOp, 'cast'> | RoundOp, (x: number) => number>> = {
  neg: (x) => -x,
  recip: (x) => 1 / x,
  sqrt: Math.sqrt,
  exp: Math.exp,
  log: Math.log,
  sin: Math.sin,
  floor: Math.floor,
  tanh: Math.tanh,
  erf,
  roundF16: castNumber.f16,
  roundBf16: castNumber.bf16,
};

/** The function of one operation. `dtype` is the result's. */
export function unaryFunction(kind: UnaryOp | RoundOp, dtype: DType): (x: number) => number {
  // In the oracle f32 values keep double precision from operation to operation.
  if (kind === 'cast') return castNumber[dtype === 'f32' ? 'f64' : dtype];
  const compute = unaryFunctions[kind];
  if (isFloat(dtype)) return compute;
  const wrap = wrapTo[dtype];
  return (x) => wrap(compute(x));
}

const binaryFunctions: Readonly<Record<BinaryOp, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  mul: (a, b) => a * b,
  max: (a, b) => Math.max(a, b),
  lt: (a, b) => Number(a < b),
  eq: (a, b) => Number(a === b),
  idiv: (a, b) => (b === 0 ? 0 : Math.trunc(a / b)),
  mod: (a, b) => (b === 0 ? 0 : a % b),
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b) => a << b,
  shr: (a, b) => a >>> b,
};

/** The function of one operation. `dtype` is the result's; integers wrap around. */
export function binaryFunction(kind: BinaryOp, dtype: DType): (a: number, b: number) => number {
  if (isFloat(dtype) || dtype === 'bool') return binaryFunctions[kind];
  if (kind === 'mul' && dtype === 'i32') return Math.imul;
  const compute = binaryFunctions[kind];
  const wrap = wrapTo[dtype];
  return (a, b) => wrap(compute(a, b));
}

export const reduceFunctions: Readonly<
  Record<ReduceOp, { readonly start: number; readonly join: (a: number, b: number) => number }>
> = {
  sum: { start: 0, join: (a, b) => a + b },
  max: { start: Number.NEGATIVE_INFINITY, join: Math.max },
};

/** Rounds or wraps a value to what a variable of the dtype can hold. */
export const roundTo: Readonly<Record<DType, (x: number) => number>> = {
  ...wrapTo,
  f16: castNumber.f16,
  bf16: castNumber.bf16,
  f32: Math.fround,
};
