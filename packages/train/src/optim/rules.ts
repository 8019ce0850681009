/** Pieces that the update rules of several optimizers share. */
import { Tensor } from '@tessera/tensor';

/** A rate: the same for all elements of a parameter. */
export type Rate = Tensor | number;

/** `lr * scale`, where `lr` may be a number or a scalar tensor. */
export const scaleRate = (lr: Rate, scale: number): Rate => (lr instanceof Tensor ? lr.mul(scale) : lr * scale);

/** A rate as a factor on tensors of a dtype. */
export const inDtypeOf = (rate: Rate, { dtype }: Tensor): Rate => (rate instanceof Tensor ? rate.cast(dtype) : rate);

/** beta mean + (1 - beta) value */
export const runningMean = (mean: Tensor, value: Tensor, beta: number): Tensor =>
  mean.mul(beta).add(value.mul(1 - beta));

/** beta mean + (1 - beta) value^2 */
export const runningSquare = (mean: Tensor, value: Tensor, beta: number): Tensor =>
  mean.mul(beta).add(value.square().mul(1 - beta));

/** p - amount p: decoupled weight decay (Loshchilov and Hutter 2019). */
export const decayed = (parameter: Tensor, amount: Rate): Tensor =>
  amount === 0 ? parameter : parameter.sub(parameter.mul(inDtypeOf(amount, parameter)));

/** g + decay p: the gradient of the loss with an L2 penalty. */
export const penalized = (gradient: Tensor, parameter: Tensor, weightDecay: number): Tensor =>
  weightDecay === 0 ? gradient : gradient.add(parameter.mul(weightDecay));

/** p - rate direction */
export const descended = (parameter: Tensor, direction: Tensor, rate: Rate): Tensor =>
  parameter.sub(direction.mul(inDtypeOf(rate, parameter)));

/**
 * 1 - base^steps, without the cancellation that the difference would have for a base near 1: with t = tanh(x / 2) and x = steps ln(base),
 * exp(x) - 1 = 2 t / (1 - t).
 */
export function oneMinusPower(base: number, steps: Tensor): Tensor {
  const t = steps.mul(Math.log(base) / 2).tanh();
  return t.mul(-2).div(t.neg().add(1));
}

/** Euclidean norm of all elements: a scalar. */
export const normOf = (values: Tensor): Tensor => values.square().sum().sqrt();
