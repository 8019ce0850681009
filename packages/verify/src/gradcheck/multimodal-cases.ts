import * as models from '@tessera/models';
import { ContrastiveLoss, type Module, SigLipLoss } from '@tessera/nn';
import { randint, randn, type Tensor, tensor } from '@tessera/tensor';
import type { GradcheckCase } from './check-module.ts';

const normal = (...shape: number[]): Tensor => randn(shape, { dtype: 'f64' });

/** Keeps the types of module and forward together. */
const define = <M extends Module>(make: () => GradcheckCase<M>): (() => GradcheckCase) =>
  make as unknown as () => GradcheckCase;

const positive = (value: number): Tensor => tensor(Float64Array.of(value)).reshape([]);

/** What joins two modalities, turns images into tokens, and compares pairs. */
export const multimodalGradcheckCases: Readonly<Record<string, () => GradcheckCase>> = {
  CrossAttention: define(() => ({
    module: new models.CrossAttention(8, 2, { contextWidth: 6 }),
    inputs: [normal(2, 3, 8), normal(2, 4, 6)],
  })),
  CoAttentionBlock: define(() => ({
    module: new models.CoAttentionBlock(8, 6, 2),
    inputs: [normal(2, 3, 8), normal(2, 4, 6)],
    forward: (module, image, text) => {
      const seen = module.forward(image, text);
      return seen.image.sum().add(seen.text.square().sum());
    },
  })),
  GatedCrossAttentionBlock: define(() => ({
    module: new models.GatedCrossAttentionBlock(8, 2, { contextWidth: 6 }),
    inputs: [normal(2, 3, 8), normal(2, 4, 6)],
  })),
  PerceiverResampler: define(() => ({
    module: new models.PerceiverResampler(6, 5, { latents: 3, layers: 2, heads: 2, headWidth: 4 }),
    inputs: [normal(2, 7, 6)],
  })),
  MLPConnector: define(() => ({ module: new models.MLPConnector(6, 5), inputs: [normal(2, 3, 6)] })),
  ConcatFusion: define(() => ({ module: new models.ConcatFusion(6, 4, 5), inputs: [normal(3, 6), normal(3, 4)] })),
  WeightedSumFusion: define(() => ({
    module: new models.WeightedSumFusion(6, 4, 5),
    inputs: [normal(3, 6), normal(3, 4)],
  })),
  TransformerFusion: define(() => ({
    module: new models.TransformerFusion(6, 5, 8, 1, 2),
    inputs: [normal(2, 3, 6), normal(2, 4, 5)],
  })),
  MultimodalClassifier: define(() => ({
    module: new models.MultimodalClassifier({
      vision: { imageSize: 8, patchSize: 4, width: 8, depth: 1, heads: 2 },
      text: { contextLength: 4, vocabularySize: 9, width: 8, layers: 1, heads: 2 },
      fusion: 'gated-cross-attention',
      dim: 6,
      classes: 3,
    }),
    inputs: [normal(2, 3, 8, 8), randint([2, 4], 0, 9)],
  })),
  // Through the codes the derivative is a stand-in: what is around them is checked.
  'VQTokenizer, decoder': define(() => ({
    module: new models.ConvDecoder({ width: 6, halvings: 2, blocks: 1, latentWidth: 3 }),
    inputs: [normal(2, 3, 2, 2)],
  })),
  'VQTokenizer, encoder': define(() => ({
    module: new models.ConvEncoder({ width: 6, halvings: 2, blocks: 1, latentWidth: 3 }),
    inputs: [normal(2, 3, 8, 8)],
  })),
  'ContrastiveLoss, shared duplicates': define(() => ({
    module: new ContrastiveLoss({ duplicates: 'share' }),
    inputs: [normal(4, 3), normal(8, 3), positive(2), randint([4], 0, 3)],
  })),
  'SigLipLoss, masked duplicates': define(() => ({
    module: new SigLipLoss({ duplicates: 'mask' }),
    inputs: [normal(4, 3), normal(8, 3), positive(2), positive(-1), randint([4], 0, 3)],
  })),
};
