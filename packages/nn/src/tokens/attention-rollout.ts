/** Explanations by attention: how much of each input token reaches the output. */
import { eye, formatShape, type Tensor } from '@tessera/tensor';
import { sizesOf } from '../sizes.ts';

/**
 * Attention rollout (Abnar and Zuidema 2020, section 3): how much of each token of the first layer reaches each token of the last
 * one, assuming that a token is the mixture that attention makes, and that the residual connection passes on as much as attention.
 *
 *     A_l = (mean over heads of W_l + I) / 2
 *     rollout = A_L ... A_2 A_1
 *
 * @param weights attention weights of each layer, first to last: [N, H, L, L] each, rows summing to 1
 * @returns [N, L, L]; rows sum to 1
 */
export function attentionRollout(weights: readonly Tensor[]): Tensor {
  const steps = checkedLayers('attentionRollout', weights).map((layer) =>
    layer.mean(1).add(identityOf(layer)).mul(0.5),
  );
  return steps.reduce((before, step) => step.matmul(before));
}

/**
 * Relevance of each token of the first layer for a number that was computed from the last one (Chefer, Gur and Wolf 2021, "Generic
 * Attention-model Explainability", equations 5 and 6): attention counts if more of it would have made the number larger.
 *
 *     A_l = mean over heads of max(0, dy/dW_l * W_l)
 *     R_0 = I,  R_l = R_{l-1} + A_l R_{l-1}
 *
 * @param weights attention weights of each layer, first to last: [N, H, L, L] each
 * @param gradients derivatives of the number by the weights; for several images, of the sum of their numbers
 * @returns [N, L, L], one row for each token of the last layer
 */
export function attentionRelevance(weights: readonly Tensor[], gradients: readonly Tensor[]): Tensor {
  const layers = checkedLayers('attentionRelevance', weights);
  const shares = layers.map((layer, k) => {
    const gradient = gradients[k];
    if (gradient === undefined || gradients.length !== layers.length)
      throw new RangeError(`attentionRelevance: ${layers.length} layers, but gradients of ${gradients.length}`);
    return gradientWeightedAttention(layer, gradient);
  });
  const [first] = layers;
  const [n, , length] = sizesOf(first, 4, 'attentionRelevance', 'weights [N, H, L, L]');
  return shares.reduce(
    (relevance, share) => relevance.add(share.matmul(relevance)),
    identityOf(first).expand([n, length, length]),
  );
}

/**
 * mean over heads of max(0, dy/dW * W): the attention of one layer that increases y.
 *
 * @param weights [N, H, L, S]
 * @param gradient of the same shape
 * @returns [N, L, S]
 */
export function gradientWeightedAttention(weights: Tensor, gradient: Tensor): Tensor {
  if (weights.ndim !== 4 || formatShape(weights.shape) !== formatShape(gradient.shape))
    throw new RangeError(
      `gradientWeightedAttention: weights ${formatShape(weights.shape)} and gradient ${formatShape(gradient.shape)} must both be [N, H, L, S]`,
    );
  return weights.mul(gradient).relu().mean(1);
}

function checkedLayers(op: string, weights: readonly Tensor[]): readonly [Tensor, ...Tensor[]] {
  const [first, ...rest] = weights;
  if (first === undefined) throw new RangeError(`${op}: the list of layers is empty`);
  for (const [k, { ndim, shape }] of weights.entries())
    if (ndim !== 4 || shape[2] !== shape[3] || shape[0] !== first.shape[0] || shape[2] !== first.shape[2])
      throw new RangeError(
        `${op}: layer ${k} has weights ${formatShape(shape)}; all must be [N, H, L, L] with one N and one L`,
      );
  return [first, ...rest];
}

/** The identity [L, L] that belongs to weights [N, H, L, L]. */
function identityOf(weights: Tensor): Tensor {
  const [, , length] = sizesOf(weights, 4, 'attention', 'weights [N, H, L, L]');
  return eye(length, length, { dtype: weights.dtype });
}
