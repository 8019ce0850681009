/** Functions of two or three tensors, of which any may be a number: what PyTorch has as functions of the same names. */
import type { CloseOptions } from './ops/floats.ts';
import * as ops from './ops/index.ts';
import type { Operand } from './ops/operand.ts';
import { Tensor, type TensorLike } from './tensor.ts';

const operand = (value: TensorLike): Operand => (typeof value === 'number' ? value : value.node);

/** A function of two tensors from its form on nodes. */
const ofTwo =
  (compute: (a: Operand, b: Operand) => ReturnType<typeof ops.add>) =>
  (a: TensorLike, b: TensorLike): Tensor =>
    Tensor.fromNode(compute(operand(a), operand(b)));

/** The angle, in [-pi, pi], of the point (x, y) for `atan2(y, x)`. Signs of zeros count, as in IEEE 754. */
export const atan2 = ofTwo(ops.atan2);

/** sqrt(a^2 + b^2), without overflow of the squares. */
export const hypot = ofTwo(ops.hypot);

/** log(exp(a) + exp(b)) without overflow. */
export const logaddexp = ofTwo(ops.logaddexp);

/** log2(2^a + 2^b) without overflow. */
export const logaddexp2 = ofTwo(ops.logaddexp2);

/** a log(b), and 0 where a is 0, unless b is NaN. */
export const xlogy = ofTwo(ops.xlogy);

/** The remainder of a / b with the sign of a. */
export const fmod = ofTwo(ops.fmod);

/** The larger of two values; where one of them is NaN, the other. */
export const fmax = ofTwo(ops.fmax);

/** The smaller of two values; where one of them is NaN, the other. */
export const fmin = ofTwo(ops.fmin);

/** The magnitude of a with the sign of b, also of zeros. */
export const copysign = ofTwo(ops.copysign);

/** 0 where a is below 0, 1 where it is above, `b` at 0. */
export const heaviside = ofTwo(ops.heaviside);

/** start + weight (end - start): exactly `start` at weight 0 and `end` at weight 1. */
export const lerp = (start: TensorLike, end: TensorLike, weight: TensorLike): Tensor =>
  Tensor.fromNode(ops.lerp(operand(start), operand(end), operand(weight)));

/** Whether |a - b| <= atol + rtol |b|, element by element. bool. */
export const isclose = (a: TensorLike, b: TensorLike, options?: CloseOptions): Tensor =>
  Tensor.fromNode(ops.isclose(operand(a), operand(b), options));

/** Whether all elements are close: see `isclose`. */
export const allclose = (a: Tensor, b: TensorLike, options?: CloseOptions): Promise<boolean> => a.allclose(b, options);

/** Whether both tensors have the same shape and the same values. */
export const equal = (a: Tensor, b: Tensor): Promise<boolean> => a.equal(b);
