import type { DType } from '../kernel/dtype.ts';
import { type Shape, sizeOf } from '../kernel/shape.ts';
import type { Tensor } from '../tensor.ts';

/** One computation and what must come out, for every backend. */
export interface OpCase {
  readonly name: string;
  readonly compute: () => Tensor;
  /** Row by row. */
  readonly expected: ArrayLike<number>;
  readonly shape: Shape;
  /** f32 if not given. */
  readonly dtype?: DType;
  /** Dtypes that not every backend has, where the case computes in them. */
  readonly needs?: readonly DType[];
  /** Largest difference, relative to values above 1: 1e-5 if not given, 0 for integers. */
  readonly tolerance?: number;
}

/** Numbers without a pattern, between -range and range. */
export const scattered = (length: number, range = 3): number[] =>
  Array.from({ length }, (_, i) => range * Math.sin(1 + 2.3 * i + 0.7 * i * i));

/** The value of `f` at every index of `shape`, in row-major order. */
export function tabulate(shape: Shape, f: (...index: number[]) => number): number[] {
  return Array.from({ length: sizeOf(shape) }, (_, position) => {
    const index: number[] = [];
    let rest = position;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index.unshift(rest % (shape[axis] as number));
      rest = Math.floor(rest / (shape[axis] as number));
    }
    return f(...index);
  });
}
