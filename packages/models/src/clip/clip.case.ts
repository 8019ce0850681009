/** Check cases of CLIP and SigLIP. */
import { contrastiveLoss, functional as F, l2Normalize, sigLipLoss } from '@tessera/nn';
import { type CaseConfig, integers, layerCase, normal } from '@tessera/nn/cases';
import { CLIP } from './clip.ts';
import type { CLIPConfig } from './config.ts';

/** OpenAI's constructor recognizes a ResNet by `vision_layers` being a list. */
function clipConfig(c: CaseConfig): CLIPConfig {
  const layers = c.numberOrNumbers('vision_layers');
  const common = { imageSize: c.number('image_resolution'), width: c.number('vision_width') };
  return {
    embedDim: c.number('embed_dim'),
    vision:
      typeof layers === 'number'
        ? { kind: 'vit', ...common, layers, patchSize: c.number('vision_patch_size') }
        : { kind: 'resnet', ...common, layers: c.four('vision_layers') },
    text: {
      contextLength: c.number('context_length'),
      vocabularySize: c.number('vocab_size'),
      width: c.number('transformer_width'),
      heads: c.number('transformer_heads'),
      layers: c.number('transformer_layers'),
    },
  };
}

const tiny = {
  embed_dim: 6,
  image_resolution: 8,
  vision_layers: 1,
  vision_width: 8,
  vision_patch_size: 4,
  context_length: 6,
  vocab_size: 11,
  transformer_width: 8,
  transformer_heads: 2,
  transformer_layers: 1,
};
const inputs = { image: normal([4, 3, 8, 8]), text: integers([4, 6], 11) };

export default [
  layerCase({
    name: 'CLIP',
    build: (c) => new CLIP(clipConfig(c)),
    forward: (model, _, images, tokens) => {
      const imageFeatures = model.encodeImage(images);
      const textFeatures = model.encodeText(tokens);
      const pair = {
        imageFeatures: l2Normalize(imageFeatures),
        textFeatures: l2Normalize(textFeatures),
        logitScale: model.logit_scale.exp(),
      };
      return {
        image_features: imageFeatures,
        text_features: textFeatures,
        logits_per_image: F.pairLogits(pair),
        loss: contrastiveLoss(pair),
      };
    },
    wholeModel: true,
    cases: [{ name: 'contrastive loss', config: tiny, inputs, only: 'gradcheck' }],
  }),
  layerCase({
    name: 'SigLIP',
    build: (c) => new CLIP({ ...clipConfig(c), initialLogitScale: Math.log(10), initialLogitBias: -10 }),
    forward: (model, _, images, tokens) => sigLipLoss(model.forward(images, tokens)),
    wholeModel: true,
    cases: [{ name: 'sigmoid loss', config: tiny, inputs, only: 'gradcheck' }],
  }),
];
