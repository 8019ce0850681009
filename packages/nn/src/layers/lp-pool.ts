/** Power-average pooling. */
import type { Tensor } from '@tessera/tensor';
import { Module } from '../module/module.ts';
import { settings } from '../module/print-module.ts';
import { type Dims, type PerAxis, perAxis } from '../sizes.ts';
import { avgPool1d, avgPool2d, avgPool3d } from './avg-pool.ts';
import { requirePoolArguments } from './pooling-windows.ts';

export interface LPPoolOptions<D extends Dims = 2> {
  /** Default: the window's size. */
  readonly stride?: PerAxis<D>;
  /** Rounds the number of positions up. The sum of a window that is cut off is scaled up to the whole window, as in PyTorch. */
  readonly ceilMode?: boolean;
}

function requireExponent(op: string, normType: number): void {
  if (!(normType !== 0 && Number.isFinite(normType)))
    throw new RangeError(`${op}: the exponent must be a number other than 0, got ${normType}`);
}

const lpPool =
  <D extends Dims>(
    dims: D,
    op: string,
    average: (input: Tensor, size: PerAxis<D>, options: LPPoolOptions<D>) => Tensor,
  ) =>
  (input: Tensor, normType: number, size: PerAxis<D>, options: LPPoolOptions<D> = {}): Tensor => {
    requireExponent(op, normType);
    const count = perAxis(size, dims, op, "the window's size", 1).reduce((a, b) => a * b, 1);
    const mean = average(input.pow(normType), size, options);
    return mean
      .sign()
      .mul(mean.abs().relu())
      .mul(count)
      .pow(1 / normType);
  };

/** (sum of x^p over each window)^(1/p): [N, C, L] to [N, C, L'], or without N. */
export const lpPool1d = lpPool(1, 'lpPool1d', avgPool1d);

/**
 * (sum of x^p over each window)^(1/p), with p = `normType`. A negative sum results in NaN, unless 1/p is odd.
 *
 * @param input [N, C, H, W] or [C, H, W]
 */
export const lpPool2d = lpPool(2, 'lpPool2d', avgPool2d);

/** (sum of x^p over each window)^(1/p): [N, C, D, H, W] to [N, C, D', H', W'], or without N. */
export const lpPool3d = lpPool(3, 'lpPool3d', avgPool3d);

abstract class LPPool<D extends Dims> extends Module {
  readonly normType: number;
  readonly kernelSize: PerAxis<D>;
  readonly options: LPPoolOptions<D>;

  constructor(normType: number, kernelSize: PerAxis<D>, options: LPPoolOptions<D> = {}) {
    super();
    requireExponent(new.target.name, normType);
    requirePoolArguments(new.target.name, kernelSize, options);
    this.normType = normType;
    this.kernelSize = kernelSize;
    this.options = options;
  }

  abstract forward(input: Tensor): Tensor;

  override extraRepr(): string {
    const { normType, kernelSize, options } = this;
    const { stride = null, ceilMode = false } = options;
    return settings({ normType, kernelSize, stride, ceilMode });
  }
}

/** (sum of x^p over each window)^(1/p): [N, C, L] to [N, C, L'], or without N. */
export class LPPool1d extends LPPool<1> {
  override forward(input: Tensor): Tensor {
    return lpPool1d(input, this.normType, this.kernelSize, this.options);
  }
}

/** (sum of x^p over each window)^(1/p): [N, C, H, W] to [N, C, H', W'], or without N. */
export class LPPool2d extends LPPool<2> {
  override forward(input: Tensor): Tensor {
    return lpPool2d(input, this.normType, this.kernelSize, this.options);
  }
}

/** (sum of x^p over each window)^(1/p): [N, C, D, H, W] to [N, C, D', H', W'], or without N. */
export class LPPool3d extends LPPool<3> {
  override forward(input: Tensor): Tensor {
    return lpPool3d(input, this.normType, this.kernelSize, this.options);
  }
}
