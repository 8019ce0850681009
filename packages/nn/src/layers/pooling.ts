import type { Tensor } from '@tessera/tensor';
import { avgPool2d, maxPool2d, type PoolOptions } from '../functional/pooling.ts';
import type { Pair } from '../functional/windows.ts';
import { Module } from '../module.ts';

abstract class Pool2d extends Module {
  readonly kernelSize: Pair;
  readonly options: PoolOptions;

  constructor(kernelSize: Pair, options: PoolOptions = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  abstract forward(input: Tensor): Tensor;
}

/** The mean of each window: [N, C, H, W] to [N, C, H', W']. */
export class AvgPool2d extends Pool2d {
  override forward(input: Tensor): Tensor {
    return avgPool2d(input, this.kernelSize, this.options);
  }
}

/** The largest value of each window: [N, C, H, W] to [N, C, H', W']. */
export class MaxPool2d extends Pool2d {
  override forward(input: Tensor): Tensor {
    return maxPool2d(input, this.kernelSize, this.options);
  }
}
