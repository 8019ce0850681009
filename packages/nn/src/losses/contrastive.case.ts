/** Check cases of ContrastiveLoss and SigLipLoss. */
import { type CheckCase, constant, type InputSpec, layerCase, normal, uniform } from '../cases/index.ts';
import { ContrastiveLoss, duplicateRules, SigLipLoss } from './contrastive.ts';

const features = (captions: number): Record<string, InputSpec> => ({
  image_features: normal([6, 5], { std: 0.4 }),
  text_features: normal([6 * captions, 5], { std: 0.4 }),
  logit_scale: uniform([], { low: 5, high: 9 }),
});
const bias = { logit_bias: uniform([], { low: -4, high: -2 }) };
const concepts = { concepts: constant([0, 1, 0, 2, 1, 0]) };

const casesOf = (name: string, added: Record<string, InputSpec>): readonly CheckCase[] => [
  { name: `${name}-f64`, inputs: { ...features(1), ...added } },
  ...duplicateRules.map((rule) => ({
    name: `${name}-${rule}-f64`,
    config: { duplicates: rule },
    inputs: { ...features(2), ...added, ...concepts },
  })),
];

export default [
  layerCase({
    name: 'ContrastiveLoss',
    build: (c) => new ContrastiveLoss({ duplicates: c.choice('duplicates', duplicateRules, 'mask') }),
    torch: 'multimodal.ContrastiveLoss',
    cases: casesOf('contrastive-loss', {}),
  }),
  layerCase({
    name: 'SigLipLoss',
    build: (c) => new SigLipLoss({ duplicates: c.choice('duplicates', duplicateRules, 'mask') }),
    torch: 'multimodal.SigLipLoss',
    cases: casesOf('siglip-loss', bias),
  }),
];
