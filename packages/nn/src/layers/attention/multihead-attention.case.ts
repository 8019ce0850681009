/** Check cases of MultiheadAttention. */
import { layerCase, normal } from '../../cases/index.ts';
import { MultiheadAttention } from './multihead-attention.ts';

const small = { embed_dim: 8, num_heads: 2, layout: '(N,L,E)' };

export default layerCase({
  name: 'MultiheadAttention',
  build: (c) =>
    new MultiheadAttention(c.number('embed_dim'), c.number('num_heads'), {
      bias: c.boolean('bias', true),
      batchFirst: c.choice('layout', ['(L,N,E)', '(N,L,E)'], '(L,N,E)') === '(N,L,E)',
    }),
  // One input: self-attention. Two: a query and the context that it attends to.
  forward: (module, c, query, context = query) =>
    module.forward(query, context, context, { causal: c.boolean('causal', false) }),
  torch: {
    build: 'lambda embed_dim, num_heads, layout: nn.MultiheadAttention(embed_dim, num_heads, batch_first=True)',
    forward: 'lambda module, x: module(x, x, x, need_weights=False)[0]',
  },
  cases: [
    {
      name: 'mha-batch-first-f64',
      config: { embed_dim: 12, num_heads: 3, layout: '(N,L,E)' },
      inputs: { x: normal([2, 5, 12]) },
    },
    {
      name: 'another sequence',
      config: small,
      inputs: { query: normal([2, 5, 8]), context: normal([2, 7, 8]) },
      only: 'gradcheck',
    },
    { name: 'causal', config: { ...small, causal: true }, inputs: { x: normal([2, 5, 8]) }, only: 'gradcheck' },
  ],
});
