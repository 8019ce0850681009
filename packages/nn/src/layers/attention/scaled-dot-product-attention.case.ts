/** Check cases of scaledDotProductAttention. */
import { functionCase, normal } from '../../cases/index.ts';
import { scaledDotProductAttention } from './scaled-dot-product-attention.ts';

export default functionCase({
  name: 'scaledDotProductAttention',
  forward: (_, c, query, key = query, value = key, ...[mask]) =>
    scaledDotProductAttention(query, key, value, {
      mask: mask ?? null,
      causal: c.boolean('is_causal', false),
      enableGqa: c.boolean('enable_gqa', false),
    }),
  torch: 'attention.ScaledDotProductAttention',
  cases: [
    {
      name: 'sdpa-masked-f64',
      inputs: {
        query: normal([2, 3, 4, 5]),
        key: normal([2, 3, 6, 5]),
        value: normal([2, 3, 6, 2]),
        mask: normal([3, 1, 6]),
      },
    },
    {
      name: 'sdpa-causal-f64',
      config: { is_causal: true },
      inputs: { query: normal([3, 4, 5]), key: normal([3, 6, 5]), value: normal([3, 6, 5]) },
    },
    {
      name: 'sdpa-groups-f64',
      config: { enable_gqa: true },
      inputs: { query: normal([2, 6, 3, 4]), key: normal([2, 2, 5, 4]), value: normal([2, 2, 5, 3]) },
    },
  ],
});
