/** What an elementary function is to a backend: expressions of the variable `x`, or of `x` and `y`. */
import { type Float, variable } from './expression.ts';
import type { Precision } from './float-format.ts';

export interface ElementaryFunction extends Readonly<Record<Precision, Float>> {
  /** An f32 computed in double precision, where that is more accurate: for devices that have doubles. */
  readonly f32InDoubles?: Float;
  /** Instead of `f32`, for compilers of shaders, which may reorder sums and products. */
  readonly shader?: Float;
}

/** The expression that compilers of shaders translate. */
export const shaderExpression = ({ f32, shader }: ElementaryFunction): Float => shader ?? f32;

/** The argument of every elementary function, and the second one of those that have two. */
export const argument = variable('x', 'float');
export const secondArgument = variable('y', 'float');

/** One algorithm for both precisions. */
export const elementaryFunction = (compute: (x: Float, precision: Precision) => Float): ElementaryFunction => ({
  f32: compute(argument, 'f32'),
  f64: compute(argument, 'f64'),
});
