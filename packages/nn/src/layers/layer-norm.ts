/** Layer normalization. */

import { formatShape, inSingle, type Tensor } from '@tessera/tensor';
import { requireShapes, requireWhole } from '../arguments.ts';
import { constant } from '../init/init.ts';
import { Module } from '../module/module.ts';
import { Parameter } from '../module/parameter.ts';
import { pythonValue, settings } from '../module/print-module.ts';
import { requireEach } from '../sizes.ts';
import { defaultEps, standardize } from './moments.ts';

/** The shape of a layer that normalizes the last axes. @throws RangeError unless it has one or more sizes of at least 1 */
export function checkedShape(op: string, normalizedShape: number | readonly number[]): readonly number[] {
  const shape = typeof normalizedShape === 'number' ? [normalizedShape] : normalizedShape;
  requireWhole(op, { 'the number of normalized axes': shape.length });
  requireEach(op, { normalizedShape: shape }, 1);
  return shape;
}

/** The axes of `input` that have the normalized shape: the last ones. @throws RangeError if there are none */
export function normalizedAxes(op: string, input: Tensor, normalizedShape: readonly number[]): number[] {
  const lead = input.ndim - normalizedShape.length;
  if (normalizedShape.length === 0 || lead < 0 || normalizedShape.some((n, k) => input.shape[lead + k] !== n))
    throw new RangeError(
      `${op}: input ${formatShape(input.shape)} does not end in the normalized shape ${formatShape(normalizedShape)}`,
    );
  return normalizedShape.map((_, k) => lead + k);
}

/**
 * (x - mean) / sqrt(var + eps) * weight + bias over the last axes, with the biased variance (Ba, Kiros and Hinton 2016). Computed in
 * f32 for f16 and bf16.
 *
 * @param input [..., ...normalizedShape]
 * @param weight normalizedShape, or null
 * @param bias normalizedShape, or null
 */
export function layerNorm(
  input: Tensor,
  normalizedShape: readonly number[],
  weight: Tensor | null = null,
  bias: Tensor | null = null,
  eps: number = defaultEps,
): Tensor {
  const axes = normalizedAxes('layerNorm', input, normalizedShape);
  requireShapes('layerNorm', { weight, bias }, normalizedShape);
  return inSingle(input, (x) => {
    const normalized = standardize(x, axes, eps);
    const scaled = weight === null ? normalized : normalized.mul(weight);
    return bias === null ? scaled : scaled.add(bias);
  });
}

export interface LayerNormOptions {
  readonly eps?: number;
  /** Whether there are a weight and a bias. */
  readonly elementwiseAffine?: boolean;
  /** `false` leaves the bias out. */
  readonly bias?: boolean;
}

/** Layer normalization over the last axes, in f32 or wider: weight starts at 1, bias at 0. */
export class LayerNorm extends Module {
  readonly normalizedShape: readonly number[];
  readonly eps: number;
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;

  constructor(normalizedShape: number | readonly number[], options: LayerNormOptions = {}) {
    super();
    const { eps = defaultEps, elementwiseAffine = true, bias = true } = options;
    this.normalizedShape = checkedShape('LayerNorm', normalizedShape);
    this.eps = eps;
    this.weight = elementwiseAffine ? new Parameter(constant(1)(this.normalizedShape)) : null;
    this.bias = elementwiseAffine && bias ? new Parameter(constant(0)(this.normalizedShape)) : null;
  }

  forward(input: Tensor): Tensor {
    return layerNorm(input, this.normalizedShape, this.weight, this.bias, this.eps);
  }

  override extraRepr(): string {
    const { normalizedShape, eps, weight, bias } = this;
    const affine = { elementwiseAffine: weight !== null, bias: bias !== null };
    return `${pythonValue(normalizedShape)}, ${settings({ eps, ...affine })}`;
  }
}
