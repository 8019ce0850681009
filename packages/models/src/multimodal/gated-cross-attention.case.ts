/** Check cases of GatedCrossAttentionBlock. */
import { layerCase, normal } from '@tessera/nn/cases';
import { GatedCrossAttentionBlock } from './gated-cross-attention.ts';

export default layerCase({
  name: 'GatedCrossAttentionBlock',
  build: (c) =>
    new GatedCrossAttentionBlock(c.number('width'), c.number('num_heads'), { contextWidth: c.number('context_width') }),
  torch: 'multimodal.GatedCrossAttentionBlock',
  cases: [
    {
      name: 'gated-cross-attention-f64',
      config: { width: 8, num_heads: 2, context_width: 6 },
      inputs: { image: normal([2, 5, 8]), text: normal([2, 4, 6]) },
    },
  ],
});
