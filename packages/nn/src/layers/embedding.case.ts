/** Check cases of Embedding. */
import { integers, layerCase } from '../cases/index.ts';
import { Embedding } from './embedding.ts';

export default layerCase({
  name: 'Embedding',
  build: (c) => new Embedding(c.number('num_embeddings'), c.number('embedding_dim')),
  torch: 'nn.Embedding',
  cases: [
    {
      name: 'embedding-f64',
      config: { num_embeddings: 11, embedding_dim: 6 },
      inputs: { tokens: integers([3, 5], 11) },
    },
  ],
});
