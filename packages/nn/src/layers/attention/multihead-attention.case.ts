/** Check cases of MultiheadAttention. */
import { type CaseConfig, layerCase, normal } from '../../cases/index.ts';
import { MultiheadAttention } from './multihead-attention.ts';

const small = { embed_dim: 8, num_heads: 2, layout: '(N,L,E)' };

/** Keys and values of other widths, and what is appended to them. */
const extended = { embed_dim: 8, num_heads: 2, kdim: 3, vdim: 5, add_bias_kv: true, add_zero_attn: true };

const width = (c: CaseConfig, key: string) => (c.has(key) ? c.number(key) : c.number('embed_dim'));

export default layerCase({
  name: 'MultiheadAttention',
  build: (c) =>
    new MultiheadAttention(c.number('embed_dim'), c.number('num_heads'), {
      bias: c.boolean('bias', true),
      batchFirst: c.choice('layout', ['(L,N,E)', '(N,L,E)'], '(L,N,E)') === '(N,L,E)',
      kdim: width(c, 'kdim'),
      vdim: width(c, 'vdim'),
      addBiasKv: c.boolean('add_bias_kv', false),
      addZeroAttn: c.boolean('add_zero_attn', false),
    }),
  // One input: self-attention. Two: a query and the context that it attends to. Three: query, key and value, with the mean weights.
  forward: (module, c, query, context = query, ...[values]) => {
    if (values === undefined) return module.forward(query, context, context, { causal: c.boolean('causal', false) });
    const { output, weights } = module.attend(query, context, values, { averageAttentionWeights: true });
    return { out: output, weights };
  },
  torch: {
    build: 'lambda layout="(L,N,E)", **options: nn.MultiheadAttention(batch_first=layout == "(N,L,E)", **options)',
    forward:
      'lambda module, query, key=None, value=None: module(query, query, query, need_weights=False)[0] if key is None ' +
      'else dict(zip(("out", "weights"), module(query, key, value)))',
  },
  cases: [
    {
      name: 'mha-batch-first-f64',
      config: { embed_dim: 12, num_heads: 3, layout: '(N,L,E)' },
      inputs: { x: normal([2, 5, 12]) },
    },
    {
      name: 'mha-other-widths-f64',
      config: extended,
      inputs: { query: normal([4, 2, 8]), key: normal([3, 2, 3]), value: normal([3, 2, 5]) },
      outputs: ['out', 'weights'],
    },
    {
      name: 'mha-single-sequence-f64',
      config: { embed_dim: 8, num_heads: 2, bias: false },
      inputs: { query: normal([4, 8]), key: normal([3, 8]), value: normal([3, 8]) },
      outputs: ['out', 'weights'],
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
