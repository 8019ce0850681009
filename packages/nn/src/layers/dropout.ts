/** Dropout of single elements, of whole channels, and the kind that keeps mean and variance of self-normalizing networks. */
import { bernoulli, formatShape, type Shape, type Tensor } from '@tessera/tensor';
import { requireProbability } from '../arguments.ts';
import { Module } from '../module/module.ts';
import { settings } from '../module/print-module.ts';

/** Drops with probability `p`, one decision for each element of `decisions`, which broadcasts with the input. */
function drop(op: string, input: Tensor, decisions: Shape, p: number, training: boolean): Tensor {
  requireProbability(op, p);
  if (!training || p === 0) return input;
  if (p === 1) return input.mul(0);
  return input.mul(bernoulli(decisions, 1 - p).cast(input.dtype)).mul(1 / (1 - p));
}

/**
 * Sets each element to 0 with probability `p` and scales the others by 1 / (1 - p), so that the mean stays (Srivastava et al.
 * 2014). The choice comes from the seeded, counted random numbers: the same seed and step drop the same elements.
 */
export const dropout = (input: Tensor, p = 0.5, training = true): Tensor =>
  drop('dropout', input, input.shape, p, training);

/**
 * Dropout of whole channels: one decision for each place of the axes up to the channels, whose number depends on that of all axes.
 *
 * @param lead from the number of the input's axes to that of the axes that decide
 */
const channelDropout =
  (op: string, expected: string, lead: Readonly<Record<number, number>>) =>
  (input: Tensor, p = 0.5, training = true): Tensor => {
    const own = lead[input.ndim];
    if (own === undefined)
      throw new RangeError(`${op}: the input must be ${expected}, got ${formatShape(input.shape)}`);
    const decisions = input.shape.map((n, axis) => (axis < own ? n : 1));
    return drop(op, input, decisions, p, training);
  };

/** Dropout of whole channels of [N, C, L] or [C, L] (Tompson et al. 2015). */
export const dropout1d = channelDropout('dropout1d', '[N, C, L] or [C, L]', { 2: 1, 3: 2 });

/** Dropout of whole channels of [N, C, H, W], or, as in PyTorch, [N, C, L] (Tompson et al. 2015). */
export const dropout2d = channelDropout('dropout2d', '[N, C, H, W] or [N, C, L]', { 3: 2, 4: 2 });

/** Dropout of whole channels of [N, C, D, H, W] or [C, D, H, W] (Tompson et al. 2015). */
export const dropout3d = channelDropout('dropout3d', '[N, C, D, H, W] or [C, D, H, W]', { 4: 1, 5: 2 });

/** The limit of SELU for inputs towards -Infinity: -scale * alpha. */
const seluFloor = -1.7580993408473766;

/**
 * Sets elements to the lower limit of SELU with probability `p`, then scales and shifts all, so that mean 0 and variance 1 stay
 * (Klambauer et al. 2017, equation 8 and below).
 */
export function alphaDropout(input: Tensor, p = 0.5, training = true): Tensor {
  requireProbability('alphaDropout', p);
  if (!training || p === 0) return input;
  if (p === 1) return input.mul(0);
  const scale = ((seluFloor ** 2 * p + 1) * (1 - p)) ** -0.5;
  const kept = bernoulli(input.shape, 1 - p).cast(input.dtype);
  const floors = kept.neg().add(1).mul(seluFloor);
  return input
    .mul(kept)
    .add(floors)
    .sub(seluFloor * p)
    .mul(scale);
}

abstract class DropoutLayer extends Module {
  readonly p: number;

  constructor(p = 0.5) {
    super();
    requireProbability(new.target.name, p);
    this.p = p;
  }

  override extraRepr(): string {
    return settings({ p: this.p, inplace: false });
  }
}

/** In training, drops each element with probability `p` and scales the others by 1 / (1 - p). */
export class Dropout extends DropoutLayer {
  forward(input: Tensor): Tensor {
    return dropout(input, this.p, this.training);
  }
}

/** `dropout1d` in training. */
export class Dropout1d extends DropoutLayer {
  forward(input: Tensor): Tensor {
    return dropout1d(input, this.p, this.training);
  }
}

/** `dropout2d` in training. */
export class Dropout2d extends DropoutLayer {
  forward(input: Tensor): Tensor {
    return dropout2d(input, this.p, this.training);
  }
}

/** `dropout3d` in training. */
export class Dropout3d extends DropoutLayer {
  forward(input: Tensor): Tensor {
    return dropout3d(input, this.p, this.training);
  }
}

/** `alphaDropout` in training. */
export class AlphaDropout extends DropoutLayer {
  forward(input: Tensor): Tensor {
    return alphaDropout(input, this.p, this.training);
  }
}
