/** Check cases of EncoderBlock. */
import { layerCase, normal } from '@tessera/nn/cases';
import { EncoderBlock, normPlacements } from './encoder-block.ts';

export default layerCase({
  name: 'EncoderBlock',
  build: (c) =>
    new EncoderBlock(c.number('width'), c.number('heads'), {
      norm: c.choice('norm', normPlacements, 'pre'),
      mlpRatio: c.number('mlp_ratio', 4),
      layerScale: c.has('layer_scale') ? c.number('layer_scale') : null,
    }),
  torch: { build: 'vision_transformer.EncoderBlock', fill: 'fills.fill_vectors' },
  cases: [
    {
      name: 'vit-block-pre-f64',
      config: { width: 8, heads: 2, layer_scale: 0.1 },
      inputs: { x: normal([2, 5, 8]) },
    },
    {
      name: 'vit-block-post-f64',
      config: { width: 8, heads: 2, norm: 'post', mlp_ratio: 3 },
      inputs: { x: normal([2, 5, 8]) },
    },
  ],
});
