/** Check cases of Embedding and EmbeddingBag. */
import { type CaseConfig, constant, integers, layerCase, uniform } from '../cases/index.ts';
import { Embedding, EmbeddingBag } from './embedding.ts';

const options = (c: CaseConfig) => ({
  paddingIdx: c.has('padding_idx') ? c.number('padding_idx') : null,
  maxNorm: c.has('max_norm') ? c.number('max_norm') : null,
  scaleGradByFreq: c.boolean('scale_grad_by_freq', false),
});

const bags = { tokens: integers([7], 5), offsets: constant([0, 3, 3, 5]) };

export default [
  layerCase({
    name: 'Embedding',
    build: (c) => new Embedding(c.number('num_embeddings'), c.number('embedding_dim'), options(c)),
    torch: 'nn.Embedding',
    cases: [
      {
        name: 'embedding-f64',
        config: { num_embeddings: 11, embedding_dim: 6 },
        inputs: { tokens: integers([3, 5], 11) },
      },
      {
        // The derivatives are those of PyTorch, not those of the function: differences do not agree.
        name: 'embedding-padding-f64',
        config: { num_embeddings: 4, embedding_dim: 3, padding_idx: 2, scale_grad_by_freq: true },
        inputs: { tokens: constant([2, 0, 1, 0, 3, 2], [2, 3]) },
        only: 'torch',
      },
    ],
  }),
  layerCase({
    name: 'EmbeddingBag',
    build: (c) =>
      new EmbeddingBag(c.number('num_embeddings'), c.number('embedding_dim'), {
        ...options(c),
        mode: c.choice('mode', ['sum', 'mean', 'max'], 'mean'),
      }),
    forward: (module, _, tokens, ...[offsets = null, perSampleWeights = null]) =>
      module.forward(tokens, { offsets, perSampleWeights }),
    torch: 'nn.EmbeddingBag',
    cases: [
      {
        name: 'embedding-bag-sum-f64',
        config: { num_embeddings: 5, embedding_dim: 3, mode: 'sum' },
        inputs: { ...bags, weights: uniform([7]) },
      },
      { name: 'embedding-bag-mean-f64', config: { num_embeddings: 5, embedding_dim: 3, mode: 'mean' }, inputs: bags },
      { name: 'embedding-bag-max-f64', config: { num_embeddings: 5, embedding_dim: 3, mode: 'max' }, inputs: bags },
      {
        name: 'embedding-bag-padding-f64',
        config: { num_embeddings: 5, embedding_dim: 3, mode: 'mean', padding_idx: 1 },
        inputs: { tokens: constant([0, 1, 2, 1, 1, 1, 4, 3, 1], [3, 3]) },
        only: 'torch',
      },
    ],
  }),
];
