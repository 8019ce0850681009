/** Stochastic depth: dropout of whole residual branches. */
import { bernoulli, type Tensor } from '@tessera/tensor';
import { requireProbability } from '../arguments.ts';
import { Module } from '../module/module.ts';

/**
 * Stochastic depth (Huang et al. 2016): drops whole samples of a residual branch, [N, ...], with probability `p` and scales the
 * others by 1 / (1 - p), so that the mean stays. The choice comes from the seeded, counted random numbers, as in dropout.
 */
export function dropPath(input: Tensor, p = 0, training = true): Tensor {
  requireProbability('dropPath', p);
  if (!training || p === 0) return input;
  if (p === 1) return input.mul(0);
  const samples = input.shape.map((n, axis) => (axis === 0 ? n : 1));
  const kept = bernoulli(samples, 1 - p).cast(input.dtype);
  return input.mul(kept.mul(1 / (1 - p)));
}

/** In training, drops each sample [N, ...] of a residual branch with probability `p` and scales the others by 1 / (1 - p). */
export class DropPath extends Module {
  readonly p: number;

  constructor(p = 0) {
    super();
    requireProbability('DropPath', p);
    this.p = p;
  }

  forward(input: Tensor): Tensor {
    return dropPath(input, this.p, this.training);
  }
}
