/** Losses of numbers: how far a prediction is from its target, element by element. */
import { type Tensor, where } from '@tessera/tensor';
import { requireFloats, requireNotNegative, requirePositive, requireSameShape, requireTensors } from '../arguments.ts';
import { inF32 } from '../precision.ts';
import { reduceWeighted } from './class-targets.ts';
import { Loss, type LossOptions, reduceLoss } from './reduction.ts';

function difference(op: string, input: Tensor, target: Tensor): Tensor {
  requireFloats(op, { 'the input': input });
  requireTensors(op, { 'the target': target });
  return inF32(input).sub(inF32(target));
}

export interface WeightedElementOptions extends LossOptions {
  /** Like `input`: a factor on the loss of each element. */
  readonly weight?: Tensor | null;
}

/** Losses times their weights. */
function weightedLosses(op: string, input: Tensor, losses: Tensor, weight: Tensor): Tensor {
  requireTensors(op, { 'the weight': weight });
  requireSameShape(op, ['input', 'weight'], input, weight);
  return losses.mul(weight);
}

/** The mean of weighted losses is their sum divided by that of the weights. */
function reduceElements(
  op: string,
  input: Tensor,
  losses: Tensor,
  { weight = null, reduction }: WeightedElementOptions,
): Tensor {
  if (weight === null) return reduceLoss(losses, reduction);
  return reduceWeighted(weightedLosses(op, input, losses, weight), weight, reduction);
}

/**
 * (x - y)^2, the mean squared error. As in PyTorch, the mean of weighted errors is their sum divided by the sum of the weights.
 *
 * @param input any shape, floating point
 * @param target the same shape, or one that broadcasts with it
 * @returns a scalar, or the broadcast shape with reduction `none`
 */
export const mseLoss = (input: Tensor, target: Tensor, options: WeightedElementOptions = {}): Tensor =>
  reduceElements('mseLoss', input, difference('mseLoss', input, target).square(), options);

/** |x - y|, with slope 0 where both are equal. Shapes and weights as in `mseLoss`. */
export const l1Loss = (input: Tensor, target: Tensor, options: WeightedElementOptions = {}): Tensor =>
  reduceElements('l1Loss', input, difference('l1Loss', input, target).abs(), options);

export interface SmoothL1Options extends LossOptions {
  /** The distance at which the square becomes a line. Default: 1. With 0 the loss is `l1Loss`. */
  readonly beta?: number;
}

/** (x - y)^2 / (2 beta) if |x - y| < beta, else |x - y| - beta / 2 (Girshick 2015, "Fast R-CNN"). Shapes as in `mseLoss`. */
export function smoothL1Loss(input: Tensor, target: Tensor, { beta = 1, reduction }: SmoothL1Options = {}): Tensor {
  requireNotNegative('smoothL1Loss', { beta });
  const away = difference('smoothL1Loss', input, target);
  if (beta === 0) return reduceLoss(away.abs(), reduction);
  const distance = away.abs();
  const losses = where(distance.lt(beta), away.square().mul(0.5 / beta), distance.sub(beta / 2));
  return reduceLoss(losses, reduction);
}

export interface HuberOptions extends WeightedElementOptions {
  /** The distance at which the square becomes a line. Default: 1. */
  readonly delta?: number;
}

/**
 * (x - y)^2 / 2 if |x - y| <= delta, else delta (|x - y| - delta / 2) (Huber 1964). Shapes as in `mseLoss`; as in PyTorch, the mean of
 * weighted losses is over the number of elements.
 */
export function huberLoss(
  input: Tensor,
  target: Tensor,
  { delta = 1, weight = null, reduction }: HuberOptions = {},
): Tensor {
  requirePositive('huberLoss', { delta });
  const away = difference('huberLoss', input, target);
  const distance = away.abs();
  const losses = where(distance.le(delta), away.square().mul(0.5), distance.sub(delta / 2).mul(delta));
  return reduceLoss(weight === null ? losses : weightedLosses('huberLoss', input, losses, weight), reduction);
}

/** `mseLoss` as a module. */
export class MSELoss extends Loss {
  forward(input: Tensor, target: Tensor): Tensor {
    return mseLoss(input, target, this.options);
  }
}

/** `l1Loss` as a module. */
export class L1Loss extends Loss {
  forward(input: Tensor, target: Tensor): Tensor {
    return l1Loss(input, target, this.options);
  }
}

/** `smoothL1Loss` as a module. */
export class SmoothL1Loss extends Loss<SmoothL1Options> {
  forward(input: Tensor, target: Tensor): Tensor {
    return smoothL1Loss(input, target, this.options);
  }
}

/** `huberLoss` as a module. */
export class HuberLoss extends Loss<Omit<HuberOptions, 'weight'>> {
  forward(input: Tensor, target: Tensor): Tensor {
    return huberLoss(input, target, this.options);
  }
}
