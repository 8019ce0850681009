/** Check cases of JointProjection, ConcatFusion, WeightedSumFusion and TransformerFusion. */
import { type CaseConfig, constant, layerCase, normal } from '@tessera/nn/cases';
import { paddingFrom } from '../cases/padding.ts';
import { ConcatFusion, JointProjection, TransformerFusion, WeightedSumFusion } from './fusion.ts';

const widths = (c: CaseConfig): [image: number, text: number, dim: number] => [
  c.number('image_width'),
  c.number('text_width'),
  c.number('dim'),
];
const config = { image_width: 6, text_width: 4, dim: 5 };
const vectors = { image: normal([3, 6]), text: normal([3, 4]) };

export default [
  layerCase({
    name: 'JointProjection',
    build: (c) => new JointProjection(...widths(c)),
    forward: (module, _, image, text) => {
      const { imageFeatures, textFeatures } = module.forward(image, text);
      return { image_features: imageFeatures, text_features: textFeatures };
    },
    torch: 'multimodal.JointProjection',
    cases: [{ name: 'joint-projection-f64', config, inputs: vectors, outputs: ['image_features', 'text_features'] }],
  }),
  layerCase({
    name: 'ConcatFusion',
    build: (c) => new ConcatFusion(...widths(c)),
    torch: 'multimodal.ConcatFusion',
    cases: [{ name: 'concat-fusion-f64', config, inputs: vectors }],
  }),
  layerCase({
    name: 'WeightedSumFusion',
    build: (c) => new WeightedSumFusion(...widths(c)),
    torch: 'multimodal.WeightedSumFusion',
    cases: [{ name: 'weighted-sum-fusion-f64', config, inputs: vectors }],
  }),
  layerCase({
    name: 'TransformerFusion',
    build: (c) => new TransformerFusion(...widths(c), c.number('layers'), c.number('num_heads')),
    forward: (module, _, image, text, lengths) => module.forward(image, text, paddingFrom(text, lengths)),
    torch: 'multimodal.TransformerFusion',
    cases: [
      {
        name: 'transformer-fusion-f64',
        config: { image_width: 6, text_width: 5, dim: 8, layers: 2, num_heads: 2 },
        inputs: { image: normal([2, 5, 6]), text: normal([2, 4, 5]), lengths: constant([4, 2]) },
      },
    ],
  }),
];
