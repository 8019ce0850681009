/** Joining of axes. */
import type { Tensor } from '@tessera/tensor';
import { Module } from '../module/module.ts';

/** Joins the axes from `startDim` to `endDim`. */
export class Flatten extends Module {
  readonly startDim: number;
  readonly endDim: number;

  constructor(startDim = 1, endDim = -1) {
    super();
    this.startDim = startDim;
    this.endDim = endDim;
  }

  forward(input: Tensor): Tensor {
    return input.flatten(this.startDim, this.endDim);
  }
}
