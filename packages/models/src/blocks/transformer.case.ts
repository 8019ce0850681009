/** Check cases of ResidualAttentionBlock and Transformer. */
import { layerCase, normal } from '@tessera/nn/cases';
import { ResidualAttentionBlock, Transformer } from './transformer.ts';

export default [
  layerCase({
    name: 'ResidualAttentionBlock',
    build: (c) =>
      new ResidualAttentionBlock(c.number('d_model'), c.number('n_head'), { causal: c.boolean('causal', false) }),
    cases: [
      {
        name: 'causal',
        config: { d_model: 8, n_head: 2, causal: true },
        inputs: { x: normal([4, 2, 8]) },
        only: 'gradcheck',
      },
    ],
  }),
  layerCase({
    name: 'Transformer',
    build: (c) => new Transformer(c.number('width'), c.number('layers'), c.number('heads')),
    cases: [
      {
        name: 'two layers',
        config: { width: 8, layers: 2, heads: 2 },
        inputs: { x: normal([4, 2, 8]) },
        only: 'gradcheck',
      },
    ],
  }),
];
