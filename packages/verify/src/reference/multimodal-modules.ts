/** Reference modules that join two modalities, turn images into discrete tokens, and compare pairs. */
import {
  CoAttentionBlock,
  ConcatFusion,
  CrossAttention,
  GatedCrossAttentionBlock,
  JointProjection,
  MLPConnector,
  PerceiverResampler,
  TransformerFusion,
  VectorQuantizer,
  VQTokenizer,
  WeightedSumFusion,
} from '@tessera/models';
import { ContrastiveLoss, type DuplicateRule, SigLipLoss } from '@tessera/nn';
import { iota, type Tensor } from '@tessera/tensor';
import type { CaseConfig } from './config.ts';
import { defineReferenceModule as define, type ReferenceModule } from './reference-module.ts';

/** bool [N, L]: true from each text's length on. */
const paddingOf = (text: Tensor, lengths: Tensor): Tensor => iota(text.shape.slice(0, 2), 1).ge(lengths.unsqueeze(1));

const widths = (c: CaseConfig): [image: number, text: number, dim: number] => [
  c.number('image_width'),
  c.number('text_width'),
  c.number('dim'),
];

const duplicates = (c: CaseConfig): { duplicates: DuplicateRule } => ({
  duplicates: c.string('duplicates', 'mask') as DuplicateRule,
});

export const multimodalModules: Readonly<Record<string, ReferenceModule>> = {
  CrossAttention: define({
    build: (c) =>
      new CrossAttention(c.number('width'), c.number('num_heads'), { contextWidth: c.number('context_width') }),
  }),
  CoAttentionBlock: define({
    build: (c) => new CoAttentionBlock(c.number('image_width'), c.number('text_width'), c.number('num_heads')),
    forward: (module, [image, text, lengths]) => ({ ...module.forward(image, text, paddingOf(text, lengths)) }),
  }),
  GatedCrossAttentionBlock: define({
    build: (c) =>
      new GatedCrossAttentionBlock(c.number('width'), c.number('num_heads'), {
        contextWidth: c.number('context_width'),
      }),
  }),
  PerceiverResampler: define({
    build: (c) =>
      new PerceiverResampler(c.number('width'), c.number('output_width'), {
        latents: c.number('latents'),
        layers: c.number('layers'),
        heads: c.number('num_heads'),
        headWidth: c.number('head_width'),
      }),
  }),
  MLPConnector: define({
    build: (c) => new MLPConnector(c.number('width'), c.number('output_width')),
  }),
  JointProjection: define({
    build: (c) => new JointProjection(...widths(c)),
    forward: (module, [image, text]) => {
      const { imageFeatures, textFeatures } = module.forward(image, text);
      return { image_features: imageFeatures, text_features: textFeatures };
    },
  }),
  ConcatFusion: define({ build: (c) => new ConcatFusion(...widths(c)) }),
  WeightedSumFusion: define({ build: (c) => new WeightedSumFusion(...widths(c)) }),
  TransformerFusion: define({
    build: (c) => new TransformerFusion(...widths(c), c.number('layers'), c.number('num_heads')),
    forward: (module, [image, text, lengths]) => module.forward(image, text, paddingOf(text, lengths)),
  }),
  VectorQuantizer: define({
    // Where codes start anew is drawn at random: not in a reference.
    build: (c) =>
      new VectorQuantizer(c.number('codes'), c.number('width'), { decay: c.number('decay', 0.99), restartBelow: 0 }),
    forward: (module, [z]) => {
      const { quantized, commitment, perplexity } = module.forward(z);
      return { quantized, commitment, perplexity };
    },
  }),
  VQTokenizer: define({
    build: (c) =>
      new VQTokenizer({
        imageSize: c.number('image_size'),
        patchSize: c.number('patch_size'),
        width: c.number('width'),
        blocks: c.number('blocks'),
        codes: c.number('codes'),
        codeWidth: c.number('code_width'),
        restartBelow: 0,
      }),
    forward: (module, [images]) => {
      const { reconstruction, commitment, perplexity } = module.forward(images);
      return { reconstruction, commitment, perplexity };
    },
  }),
  ContrastiveLoss: define({ build: (c) => new ContrastiveLoss(duplicates(c)) }),
  SigLipLoss: define({ build: (c) => new SigLipLoss(duplicates(c)) }),
};
