/** Dropout of single elements. */
import { bernoulli, type Tensor } from '@tessera/tensor';
import { Module } from '../module/module.ts';

/**
 * Sets each element to 0 with probability `p` and scales the others by 1 / (1 - p), so that the mean stays (Srivastava et al.
 * 2014). The choice comes from the seeded, counted random numbers: the same seed and step drop the same elements.
 */
export function dropout(input: Tensor, p = 0.5, training = true): Tensor {
  if (!(p >= 0 && p <= 1)) throw new RangeError(`dropout: the probability must be in [0, 1], got ${p}`);
  if (!training || p === 0) return input;
  if (p === 1) return input.mul(0);
  return input.mul(bernoulli(input.shape, 1 - p).cast(input.dtype)).mul(1 / (1 - p));
}

/** In training, drops each element with probability `p` and scales the others by 1 / (1 - p). */
export class Dropout extends Module {
  readonly p: number;

  constructor(p = 0.5) {
    super();
    this.p = p;
  }

  forward(input: Tensor): Tensor {
    return dropout(input, this.p, this.training);
  }
}
