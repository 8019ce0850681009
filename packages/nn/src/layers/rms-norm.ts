/** Normalization by the root mean square. */
import { type DType, inSingle, type Tensor } from '@tessera/tensor';
import { requireShapes } from '../arguments.ts';
import { constant } from '../init/init.ts';
import { Module } from '../module/module.ts';
import { Parameter } from '../module/parameter.ts';
import { pythonValue, settings } from '../module/print-module.ts';
import { checkedShape, normalizedAxes } from './layer-norm.ts';

/** The distance from 1 to the next larger number of a floating-point dtype: PyTorch's `torch.finfo(dtype).eps`. */
const machineEpsilon: Partial<Record<DType, number>> = { f64: 2 ** -52, f32: 2 ** -23, f16: 2 ** -10, bf16: 2 ** -7 };

/**
 * x / sqrt(mean(x^2) + eps) * weight over the last axes (Zhang and Sennrich 2019, equation 4). Computed in f32 for f16 and bf16.
 *
 * @param input [..., ...normalizedShape], floating point
 * @param weight normalizedShape, or null
 * @param eps null: the machine epsilon of the input's dtype, as in PyTorch
 * @throws RangeError if the input does not end in the normalized shape, or the weight has another one
 */
export function rmsNorm(
  input: Tensor,
  normalizedShape: readonly number[],
  weight: Tensor | null = null,
  eps: number | null = null,
): Tensor {
  const axes = normalizedAxes('rmsNorm', input, normalizedShape);
  const added = eps ?? machineEpsilon[input.dtype];
  if (added === undefined) throw new TypeError(`rmsNorm: needs a floating-point input, got ${input.dtype}`);
  requireShapes('rmsNorm', { weight }, normalizedShape);
  return inSingle(input, (x) => {
    const normalized = x.mul(x.square().mean(axes, true).add(added).rsqrt());
    return weight === null ? normalized : normalized.mul(weight);
  });
}

export interface RMSNormOptions {
  /** Default: null, the machine epsilon of the input's dtype. */
  readonly eps?: number | null;
  /** Whether there is a weight. */
  readonly elementwiseAffine?: boolean;
}

/** Normalization of the last axes by their root mean square, in f32 or wider: weight starts at 1. */
export class RMSNorm extends Module {
  readonly normalizedShape: readonly number[];
  readonly eps: number | null;
  readonly weight: Parameter | null;

  constructor(normalizedShape: number | readonly number[], options: RMSNormOptions = {}) {
    super();
    const { eps = null, elementwiseAffine = true } = options;
    this.normalizedShape = checkedShape('RMSNorm', normalizedShape);
    this.eps = eps;
    this.weight = elementwiseAffine ? new Parameter(constant(1)(this.normalizedShape)) : null;
  }

  forward(input: Tensor): Tensor {
    return rmsNorm(input, this.normalizedShape, this.weight, this.eps);
  }

  override extraRepr(): string {
    const { normalizedShape, eps, weight } = this;
    return `${pythonValue(normalizedShape)}, ${settings({ eps, elementwiseAffine: weight !== null })}`;
  }
}
