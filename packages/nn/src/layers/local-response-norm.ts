/** Local response normalization. */

import { formatShape, inSingle, type Tensor } from '@tessera/tensor';
import { requireWhole } from '../arguments.ts';
import { Module } from '../module/module.ts';
import { pythonFloat, settings } from '../module/print-module.ts';

export interface LocalResponseNormOptions {
  readonly alpha?: number;
  readonly beta?: number;
  readonly k?: number;
}

/**
 * x / (k + alpha * mean of x^2 over `size` neighboring channels)^beta (Krizhevsky et al. 2012, section 3.3; alpha is divided by the
 * size, as in PyTorch). Channels outside count as 0. Computed in f32 for f16 and bf16.
 *
 * @param input [N, C, ...] with at least one position axis
 */
export function localResponseNorm(
  input: Tensor,
  size: number,
  { alpha = 1e-4, beta = 0.75, k = 1 }: LocalResponseNormOptions = {},
): Tensor {
  if (input.ndim < 3)
    throw new RangeError(
      `localResponseNorm: needs an input [N, C, L] or with more axes, got a tensor of shape ${formatShape(input.shape)}`,
    );
  if (!Number.isInteger(size) || size < 1)
    throw new RangeError(`localResponseNorm: the size must be a whole number of at least 1, got ${size}`);
  const around = input.shape.map((_, axis): [number, number] =>
    axis === 1 ? [Math.floor(size / 2), Math.floor((size - 1) / 2)] : [0, 0],
  );
  return inSingle(input, (x) => {
    const energy = x
      .square()
      .pad(around)
      .window([{ axis: 1, size }])
      .mean(-1);
    return x.mul(energy.mul(alpha).add(k).pow(-beta));
  });
}

/** Divides each value by a power of the energy of its neighboring channels: [N, C, ...] to the same shape. */
export class LocalResponseNorm extends Module {
  readonly size: number;
  readonly options: LocalResponseNormOptions;

  constructor(size: number, options: LocalResponseNormOptions = {}) {
    super();
    requireWhole('LocalResponseNorm', { size });
    this.size = size;
    this.options = options;
  }

  forward(input: Tensor): Tensor {
    return localResponseNorm(input, this.size, this.options);
  }

  override extraRepr(): string {
    const { alpha = 1e-4, beta = 0.75, k = 1 } = this.options;
    return `${this.size}, ${settings({ alpha, beta, k: pythonFloat(k) })}`;
  }
}
