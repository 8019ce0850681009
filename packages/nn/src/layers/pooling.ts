/** Pooling of images: the mean or the largest value of each window. */
import type { Tensor } from '@tessera/tensor';
import { Module } from '../module/module.ts';
import { type Pair, pair, windows2d } from '../vision/windows.ts';

export interface PoolOptions {
  /** Default: the window's size, so that windows do not overlap. */
  readonly stride?: Pair;
  readonly padding?: Pair;
}

/**
 * The mean of each window; the padding's zeros count, as in PyTorch's default.
 *
 * @param input [N, C, H, W]
 * @returns [N, C, H', W']
 */
export function avgPool2d(input: Tensor, size: Pair, { stride = size, padding = 0 }: PoolOptions = {}): Tensor {
  checkPadding('avgPool2d', size, padding);
  return windows2d(input, { size, stride, padding }, 'avgPool2d').mean([4, 5]);
}

/**
 * The largest value of each window.
 *
 * @param input [N, C, H, W]
 * @returns [N, C, H', W']
 */
export function maxPool2d(input: Tensor, size: Pair, { stride = size, padding = 0 }: PoolOptions = {}): Tensor {
  checkPadding('maxPool2d', size, padding);
  return windows2d(input, { size, stride, padding, padValue: -Infinity }, 'maxPool2d').max([4, 5]);
}

/** A window entirely inside the padding would have no mean or maximum. */
function checkPadding(op: string, size: Pair, padding: Pair): void {
  const [h, w] = pair(size);
  const [down, across] = pair(padding);
  if (2 * down > h || 2 * across > w)
    throw new RangeError(`${op}: padding ${down} x ${across} is more than half of the window ${h} x ${w}`);
}

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
