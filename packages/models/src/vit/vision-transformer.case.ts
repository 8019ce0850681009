/** Check cases of VisionTransformer and VisionTransformerAttention. */
import { functional as F } from '@tessera/nn';
import { type CaseConfig, layerCase, normal } from '@tessera/nn/cases';
import { VisionTransformer } from './vision-transformer.ts';

const build = (c: CaseConfig): VisionTransformer =>
  new VisionTransformer(
    c.number('input_resolution'),
    c.number('patch_size'),
    c.number('width'),
    c.number('layers'),
    c.number('heads'),
    c.number('output_dim'),
  );

export default [
  layerCase({
    name: 'VisionTransformer',
    build,
    wholeModel: true,
    cases: [
      {
        name: 'two layers',
        config: { input_resolution: 8, patch_size: 4, width: 8, layers: 2, heads: 2, output_dim: 6 },
        inputs: { image: normal([2, 3, 8, 8]) },
        only: 'gradcheck',
      },
    ],
  }),
  layerCase({
    name: 'VisionTransformerAttention',
    build,
    forward: (model, _, images) => {
      const { output, weights } = model.attend(images);
      const layers = Object.fromEntries(weights.map((layer, k) => [`weights_${k}`, layer]));
      return { features: output, ...layers, rollout: F.attentionRollout(weights) };
    },
    wholeModel: true,
    torch: 'attention_maps.VisionTransformer',
    cases: [
      {
        name: 'clip-vit-attention-f64',
        config: { input_resolution: 12, patch_size: 4, width: 8, layers: 2, heads: 2, output_dim: 5 },
        inputs: { image: normal([2, 3, 12, 12]) },
        outputs: ['features', 'weights_0', 'weights_1', 'rollout'],
      },
    ],
  }),
];
