import { eye, formatShape, type Tensor } from '@tessera/tensor';

/**
 * Attention rollout (Abnar and Zuidema 2020, section 3): how much of each token of the first layer arrives in each token of the last
 * one, if a token is what attention mixes it from, and the residual connection passes on as much as attention does.
 *
 *     A_l = (mean over heads of W_l + I) / 2
 *     rollout = A_L ... A_2 A_1
 *
 * @param weights attention weights of each layer, first to last: [N, H, L, L] each, rows summing to 1
 * @returns [N, L, L]; rows sum to 1
 */
export function attentionRollout(weights: readonly Tensor[]): Tensor {
  const steps = checkedLayers('attentionRollout', weights).map((layer) => {
    const mixed = layer.mean(1);
    return mixed.add(identityOf(mixed)).mul(0.5);
  });
  return steps.reduce((before, step) => step.matmul(before));
}

/**
 * Relevance of each token of the first layer for a number that was computed from the last one (Chefer, Gur and Wolf 2021, "Generic
 * Attention-model Explainability", equations 5 and 6): attention counts where more of it would have made the number larger.
 *
 *     A_l = mean over heads of max(0, dy/dW_l * W_l)
 *     R_0 = I,  R_l = R_{l-1} + A_l R_{l-1}
 *
 * @param weights attention weights of each layer, first to last: [N, H, L, L] each
 * @param gradients derivatives of the number by them; of the sum over images, for several of these
 * @returns [N, L, L], rows belonging to the tokens of the last layer
 */
export function attentionRelevance(weights: readonly Tensor[], gradients: readonly Tensor[]): Tensor {
  const layers = checkedLayers('attentionRelevance', weights);
  if (gradients.length !== layers.length)
    throw new RangeError(`attentionRelevance: ${layers.length} layers, but gradients of ${gradients.length}`);
  const shares = layers.map((layer, k) => gradientWeightedAttention(layer, gradients[k] as Tensor));
  return shares.reduce(
    (relevance, share) => relevance.add(share.matmul(relevance)),
    identityOf(shares[0] as Tensor).expand((shares[0] as Tensor).shape),
  );
}

/**
 * mean over heads of max(0, dy/dW * W): the attention of one layer that speaks for y.
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

function checkedLayers(what: string, weights: readonly Tensor[]): readonly Tensor[] {
  if (weights.length === 0) throw new RangeError(`${what}: there is no layer`);
  const [first] = weights as [Tensor];
  for (const [k, { ndim, shape }] of weights.entries())
    if (ndim !== 4 || shape[2] !== shape[3] || shape[0] !== first.shape[0] || shape[2] !== first.shape[2])
      throw new RangeError(
        `${what}: layer ${k} has weights ${formatShape(shape)}; all must be [N, H, L, L] with one N and one L`,
      );
  return weights;
}

/** [L, L] */
const identityOf = (square: Tensor): Tensor => eye(square.shape[1] as number, square.shape[2], { dtype: square.dtype });
