/** The form of a conformance case, and helpers to write cases. */
import type { DType } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { contiguousStrides, type Shape, sizeOf } from '../kernel/shape.ts';
import type { Tensor } from '../tensor.ts';

/** A computation and its expected result, on every backend. */
export interface OpCase {
  readonly name: string;
  readonly compute: () => Tensor;
  /** The values of the result in row-major order. */
  readonly expected: ArrayLike<number>;
  readonly shape: Shape;
  /** The dtype of the result. Default: f32. */
  readonly dtype?: DType;
  /** The dtypes that the case needs and that some backends do not have. */
  readonly needs?: readonly DType[];
  /** The largest allowed difference, relative to values above 1. Default: 1e-5; it is always 0 for integers. */
  readonly tolerance?: number;
  /** Whether the tolerance is relative to values of any size. Values of 0 must be 0 then. */
  readonly relative?: boolean;
}

/** Irregular numbers between -range and range. */
export const scattered = (length: number, range = 3): number[] =>
  Array.from({ length }, (_, i) => range * Math.sin(1 + 2.3 * i + 0.7 * i * i));

/** The value of `f` at every index of `shape`, in row-major order. */
export function tabulate(shape: Shape, f: (...index: number[]) => number): number[] {
  const strides = contiguousStrides(shape);
  return Array.from({ length: sizeOf(shape) }, (_, position) =>
    f(...shape.map((size, axis) => Math.floor(position / nth(strides, axis)) % size)),
  );
}

/** The dtype of a comparison's case. */
export const bool = { dtype: 'bool' as const };

/** A comparison as a function that returns 0 or 1. */
export const compare =
  (formula: (a: number, b: number) => boolean) =>
  (a: number, b: number): number =>
    Number(formula(a, b));

/** The element of row-major `values` at an index of `shape`. */
export const elementAt = (values: readonly number[], shape: Shape, index: readonly number[]): number =>
  nth(
    values,
    shape.reduce((position, size, axis) => position * size + nth(index, axis), 0),
  );

/** The sum of f(0), ..., f(count - 1). */
export function sumOver(count: number, f: (k: number) => number): number {
  let sum = 0;
  for (let k = 0; k < count; k++) sum += f(k);
  return sum;
}
