/** The softmax along an axis. */
import type { Tensor } from '@tessera/tensor';
import { Module } from '../module/module.ts';

/** exp(x) / sum exp(x) along an axis. */
export class Softmax extends Module {
  readonly dim: number;

  constructor(dim = -1) {
    super();
    this.dim = dim;
  }

  forward(input: Tensor): Tensor {
    return input.softmax(this.dim);
  }
}
