/** Check cases of CrossAttention and CoAttentionBlock. */
import { constant, layerCase, normal } from '@tessera/nn/cases';
import { paddingFrom } from '../cases/padding.ts';
import { CoAttentionBlock, CrossAttention } from './cross-attention.ts';

const sequences = { image: normal([2, 5, 8]), text: normal([2, 4, 6]) };

export default [
  layerCase({
    name: 'CrossAttention',
    build: (c) =>
      new CrossAttention(c.number('width'), c.number('num_heads'), { contextWidth: c.number('context_width') }),
    torch: 'multimodal.CrossAttention',
    cases: [
      {
        name: 'cross-attention-f64',
        config: { width: 8, num_heads: 2, context_width: 6 },
        inputs: sequences,
      },
    ],
  }),
  layerCase({
    name: 'CoAttentionBlock',
    build: (c) => new CoAttentionBlock(c.number('image_width'), c.number('text_width'), c.number('num_heads')),
    forward: (module, _, image, text, lengths) => ({ ...module.forward(image, text, paddingFrom(text, lengths)) }),
    torch: 'multimodal.CoAttentionBlock',
    cases: [
      {
        name: 'co-attention-f64',
        config: { image_width: 8, text_width: 6, num_heads: 2 },
        inputs: { ...sequences, lengths: constant([4, 2]) },
        outputs: ['image', 'text'],
      },
    ],
  }),
];
