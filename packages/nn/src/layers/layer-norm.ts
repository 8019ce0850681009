/** Layer normalization. */
import { formatShape, inSingle, moments, type Tensor } from '@tessera/tensor';
import { constant } from '../init/init.ts';
import { Module } from '../module/module.ts';
import { Parameter } from '../module/parameter.ts';

/** Added to the variance before the root: PyTorch's default, in batch normalization too. */
export const defaultEps = 1e-5;

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
  const lead = input.ndim - normalizedShape.length;
  if (lead < 0 || normalizedShape.some((n, k) => input.shape[lead + k] !== n))
    throw new RangeError(
      `layerNorm: input ${formatShape(input.shape)} does not end in the normalized shape ${formatShape(normalizedShape)}`,
    );
  const axes = normalizedShape.map((_, k) => lead + k);
  return inSingle(input, (x) => {
    const { deviation, variance } = moments(x, axes);
    const normalized = deviation.mul(variance.add(eps).rsqrt());
    const scaled = weight === null ? normalized : normalized.mul(weight);
    return bias === null ? scaled : scaled.add(bias);
  });
}

export interface LayerNormOptions {
  readonly eps?: number;
  /** Whether there are a weight and a bias. */
  readonly elementwiseAffine?: boolean;
}

/** Layer normalization over the last axes, in f32 or wider: weight starts at 1, bias at 0. */
export class LayerNorm extends Module {
  readonly normalizedShape: readonly number[];
  readonly eps: number;
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;

  constructor(normalizedShape: number | readonly number[], options: LayerNormOptions = {}) {
    super();
    const { eps = defaultEps, elementwiseAffine = true } = options;
    this.normalizedShape = typeof normalizedShape === 'number' ? [normalizedShape] : normalizedShape;
    this.eps = eps;
    this.weight = elementwiseAffine ? new Parameter(constant(1)(this.normalizedShape)) : null;
    this.bias = elementwiseAffine ? new Parameter(constant(0)(this.normalizedShape)) : null;
  }

  forward(input: Tensor): Tensor {
    return layerNorm(input, this.normalizedShape, this.weight, this.bias, this.eps);
  }
}
