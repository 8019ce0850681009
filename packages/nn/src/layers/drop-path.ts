import type { Tensor } from '@tessera/tensor';
import { dropPath } from '../functional/drop-path.ts';
import { Module } from '../module.ts';

/** In training, drops each sample [N, ...] of a residual branch with probability `p` and scales the others by 1 / (1 - p). */
export class DropPath extends Module {
  readonly p: number;

  constructor(p = 0) {
    super();
    this.p = p;
  }

  forward(input: Tensor): Tensor {
    return dropPath(input, this.p, this.training);
  }
}
