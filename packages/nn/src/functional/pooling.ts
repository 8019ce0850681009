import type { Tensor } from '@tessera/tensor';
import { type Pair, pair, windows2d } from './windows.ts';

export interface PoolOptions {
  /** Default: the window's size, so that windows do not overlap. */
  readonly stride?: Pair;
  readonly padding?: Pair;
}

/**
 * The mean of each window; zeros of the padding count, as by PyTorch's default.
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

/** A window that lay wholly in the padding would have no mean or maximum of its own. */
function checkPadding(op: string, size: Pair, padding: Pair): void {
  const sizes = pair(size);
  const paddings = pair(padding);
  if (paddings.some((p, k) => 2 * p > (sizes[k] as number)))
    throw new RangeError(`${op}: padding ${paddings.join(' x ')} is more than half of the window ${sizes.join(' x ')}`);
}
