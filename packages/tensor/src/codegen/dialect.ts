/**
 * What a language with C's expressions must say to take programs as text. Everything that two such languages write alike (affine sums,
 * guards, order of evaluation) is shared; a dialect prints what they write differently.
 *
 * Integers (i32, u8, bool) are held as 32-bit integers, bool as 0 or 1; floating point in the dialect's own type.
 */
import type { DType } from '../kernel/dtype.ts';
import type { BinaryKind, ReduceOp, RoundOp, UnaryOp } from '../kernel/operators.ts';

export interface Dialect {
  /** A statement that names a value which never changes. */
  constant(name: string, dtype: DType, expression: string): string;
  /** A statement that makes a variable. */
  variable(name: string, dtype: DType, expression: string): string;
  /** A statement that names an index, a whole number. */
  index(name: string, expression: string): string;
  /** Of indices that are not negative, by a positive number. */
  quotient(index: string, divisor: number): string;
  remainder(index: string, divisor: number): string;
  literal(value: number, dtype: DType): string;
  /** The element of a buffer at `position`, as the kernel computes with it. */
  load(buffer: number, position: string): string;
  /** A statement. Within `dtype`'s range. */
  store(buffer: number, position: string, value: string): string;
  /** A value of dtype i32 as an index, limited to 0..last. */
  clampedIndex(value: string, last: number): string;
  /** `from` is the source's dtype, `dtype` the result's. */
  unary(kind: UnaryOp | RoundOp, source: string, from: DType, dtype: DType): string;
  /** `from` is the dtype of both sources. */
  binary(kind: BinaryKind, a: string, b: string, from: DType, dtype: DType): string;
  where(condition: string, yes: string, no: string, dtype: DType): string;
  /** Where a reduction starts, and one step of it. */
  neutral(kind: ReduceOp, dtype: DType): string;
  join(kind: ReduceOp, a: string, b: string, dtype: DType): string;
}
