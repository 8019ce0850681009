/** What each operation means on single numbers of a dtype, in double precision. Integers are numbers without a fraction, bool is 0 or 1. */
import { castNumber, type DType, isFloat } from './dtype.ts';
import {
  type BinaryOp,
  binaryOperators,
  type RoundOp,
  roundOperators,
  type UnaryOp,
  unaryOperators,
} from './operators.ts';

/** The result of integer arithmetic, wrapped to its dtype. */
const wrapTo: Readonly<Record<DType, (x: number) => number>> = {
  f16: (x) => x,
  bf16: (x) => x,
  f32: (x) => x,
  f64: (x) => x,
  i32: (x) => x | 0,
  u8: (x) => x & 255,
  bool: (x) => Number(x !== 0),
};

const functionsOfOne = { ...unaryOperators, ...roundOperators } as const;

/** `dtype` is the result's. */
export function unaryFunction(kind: UnaryOp | RoundOp, dtype: DType): (x: number) => number {
  // f32 carries double precision from operation to operation.
  if (kind === 'cast') return castNumber[dtype === 'f32' ? 'f64' : dtype];
  const { compute } = functionsOfOne[kind];
  if (isFloat(dtype)) return compute;
  const wrap = wrapTo[dtype];
  return (x) => wrap(compute(x));
}

/** `dtype` is the result's; integers wrap around. */
export function binaryFunction(kind: BinaryOp, dtype: DType): (a: number, b: number) => number {
  const { compute } = binaryOperators[kind];
  if (isFloat(dtype) || dtype === 'bool') return compute;
  if (kind === 'mul' && dtype === 'i32') return Math.imul;
  const wrap = wrapTo[dtype];
  return (a, b) => wrap(compute(a, b));
}

/** The value as a variable of the dtype would hold it. */
export const roundTo: Readonly<Record<DType, (x: number) => number>> = {
  ...wrapTo,
  f16: castNumber.f16,
  bf16: castNumber.bf16,
  f32: Math.fround,
};
