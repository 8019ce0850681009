/** Check cases of AttentionRelevance. */
import { grad } from '@tessera/autograd';
import { functionCase, normal } from '../cases/index.ts';
import { attentionRelevance } from './attention-rollout.ts';

const scores = normal([2, 3, 5, 5]);
const vectors = normal([2, 3, 5, 4]);

export default functionCase({
  name: 'AttentionRelevance',
  // The relevance for <y, direction> in a chain y = W_2 (W_1 values), with W_k the softmax of the scores.
  forward: (_, _c, first, second, values, direction) => {
    const weights = [first.softmax(-1), second.softmax(-1)];
    const y = weights.reduce((x, layer) => layer.matmul(x), values);
    return attentionRelevance(weights, grad(y.mul(direction).sum(), weights));
  },
  torch: 'attention_maps.AttentionRelevance',
  cases: [
    { name: 'attention-relevance-f64', inputs: { first: scores, second: scores, values: vectors, direction: vectors } },
  ],
});
