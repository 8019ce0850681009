/** Check cases of AttentionPool2d and its attention weights. */
import { type CaseConfig, layerCase, normal } from '@tessera/nn/cases';
import { AttentionPool2d } from './attention-pool.ts';

const build = (c: CaseConfig): AttentionPool2d =>
  new AttentionPool2d(
    c.number('spacial_dim'),
    c.number('embed_dim'),
    c.number('num_heads'),
    c.number('output_dim', c.number('embed_dim')),
  );

export default [
  layerCase({ name: 'AttentionPool2d', build }),
  layerCase({
    name: 'AttentionPoolWeights',
    build,
    forward: (module, _, features) => {
      const { output, weights } = module.attend(features);
      return { out: output, weights };
    },
    torch: 'attention_maps.AttentionPoolWeights',
    cases: [
      {
        name: 'attention-pool-weights-f64',
        config: { spacial_dim: 3, embed_dim: 8, num_heads: 2, output_dim: 5 },
        inputs: { x: normal([2, 8, 3, 3]) },
        outputs: ['out', 'weights'],
      },
    ],
  }),
];
