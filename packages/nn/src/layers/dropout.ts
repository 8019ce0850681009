import type { Tensor } from '@tessera/tensor';
import { dropout } from '../functional/dropout.ts';
import { Module } from '../module.ts';

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
