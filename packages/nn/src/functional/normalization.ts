import { formatShape, inSingle, isHalf, noGrad, type Tensor } from '@tessera/tensor';
import { inF32 } from './precision.ts';

/** Added to the variance before the root. */
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
      `layerNorm: input ${formatShape(input.shape)} does not end in the normalised shape ${formatShape(normalizedShape)}`,
    );
  const axes = normalizedShape.map((_, k) => lead + k);
  return inSingle(input, (x) => {
    const centred = x.sub(x.mean(axes, true));
    const normalized = centred.mul(centred.square().mean(axes, true).add(eps).rsqrt());
    const scaled = weight === null ? normalized : normalized.mul(weight);
    return bias === null ? scaled : scaled.add(bias);
  });
}

export interface BatchNormOptions {
  readonly training: boolean;
  /** running += momentum * (batch - running). A number, or a scalar tensor. */
  readonly momentum?: number | Tensor;
  readonly eps?: number;
}

/**
 * Batch normalisation over all axes but 1 (Ioffe and Szegedy 2015). In training the batch's own statistics serve, with the
 * biased variance, and the running statistics are updated, with the unbiased one; otherwise the running statistics serve.
 *
 * f16 and bf16 are computed in f32; the result is of the input's dtype, under `autocast` too.
 *
 * @param input [N, C, ...]
 * @param runningMean [C]; assigned to in training
 * @param runningVariance [C]; assigned to in training
 * @param weight [C], or null
 * @param bias [C], or null
 */
export function batchNorm(
  input: Tensor,
  runningMean: Tensor | null,
  runningVariance: Tensor | null,
  weight: Tensor | null,
  bias: Tensor | null,
  options: BatchNormOptions,
): Tensor {
  const normalized = normalizeChannels(inF32(input), runningMean, runningVariance, weight, bias, options);
  return isHalf(input.dtype) ? normalized.cast(input.dtype) : normalized;
}

/** Batch normalisation of f32 and f64. */
function normalizeChannels(
  input: Tensor,
  runningMean: Tensor | null,
  runningVariance: Tensor | null,
  weight: Tensor | null,
  bias: Tensor | null,
  { training, momentum = 0.1, eps = defaultEps }: BatchNormOptions,
): Tensor {
  const channels = input.shape[1] as number;
  const perChannel = [channels, ...new Array<number>(input.ndim - 2).fill(1)];
  const alongChannels = (tensor: Tensor): Tensor => tensor.reshape(perChannel);
  const affine = (scale: Tensor): Tensor => (weight === null ? scale : scale.mul(alongChannels(weight)));
  const shifted = (output: Tensor): Tensor => (bias === null ? output : output.add(alongChannels(bias)));

  if (!training) {
    if (runningMean === null || runningVariance === null)
      throw new Error('batchNorm: evaluation needs running statistics');
    const scale = affine(alongChannels(runningVariance).add(eps).rsqrt());
    return shifted(input.sub(alongChannels(runningMean)).mul(scale));
  }

  const count = input.size / channels;
  if (count <= 1)
    throw new RangeError(
      `batchNorm: training needs more than one value per channel, got a batch of shape ${formatShape(input.shape)}`,
    );
  const axes = input.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
  const mean = input.mean(axes, true);
  const centred = input.sub(mean);
  const variance = centred.square().mean(axes, true);
  noGrad(() => {
    const blend = (running: Tensor | null, batch: Tensor): void => {
      running?.assign(running.add(batch.reshape([channels]).sub(running).mul(momentum)));
    };
    blend(runningMean, mean);
    blend(runningVariance, variance.mul(count / (count - 1)));
  });
  return shifted(centred.mul(affine(variance.add(eps).rsqrt())));
}
