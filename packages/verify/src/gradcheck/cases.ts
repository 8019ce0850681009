import { AttentionPool2d, Bottleneck, CLIP, ModifiedResNet, TextTransformer, VisionTransformer } from '@tessera/models';
import * as nn from '@tessera/nn';
import { randint, randn, type Tensor } from '@tessera/tensor';
import type { GradcheckCase } from './check-module.ts';
import { multimodalGradcheckCases } from './multimodal-cases.ts';
import { visionGradcheckCases } from './vision-cases.ts';

const images = (n: number, channels: number, side: number): Tensor =>
  randn([n, channels, side, side], { dtype: 'f64' });
const normal = (...shape: number[]): Tensor => randn(shape, { dtype: 'f64' });
const tokens = (n: number, length: number, vocabulary: number): Tensor => randint([n, length], 0, vocabulary);

/** Keeps the types of module and forward together. */
const define = <M extends nn.Module>(make: () => GradcheckCase<M>): (() => GradcheckCase) =>
  make as unknown as () => GradcheckCase;

const unary = (module: nn.Module): GradcheckCase => ({ module, inputs: [normal(4, 7)] });

/** The layers and models that come with Tessera, small. */
export const gradcheckCases: Readonly<Record<string, () => GradcheckCase>> = {
  ...visionGradcheckCases,
  ...multimodalGradcheckCases,
  Linear: define(() => ({ module: new nn.Linear(5, 3), inputs: [normal(2, 4, 5)] })),
  Conv2d: define(() => ({ module: new nn.Conv2d(3, 4, 3, { padding: 1 }), inputs: [images(2, 3, 5)] })),
  'Conv2d, strided and dilated': define(() => ({
    module: new nn.Conv2d(4, 6, [3, 2], { stride: [2, 3], padding: [2, 1], dilation: [2, 1], groups: 2 }),
    inputs: [images(2, 4, 9)],
  })),
  'BatchNorm2d, training': define(() => ({ module: new nn.BatchNorm2d(3), inputs: [images(4, 3, 3)] })),
  'BatchNorm2d, evaluation': define(() => ({ module: new nn.BatchNorm2d(3).eval(), inputs: [images(4, 3, 3)] })),
  LayerNorm: define(() => ({ module: new nn.LayerNorm([4, 5]), inputs: [normal(3, 4, 5)] })),
  Embedding: define(() => ({ module: new nn.Embedding(9, 4), inputs: [tokens(3, 5, 9)] })),
  MultiheadAttention: define(() => ({
    module: new nn.MultiheadAttention(8, 2, { batchFirst: true }),
    inputs: [normal(2, 5, 8), normal(2, 7, 8)],
    forward: (module, query, context) => module.forward(query, context),
  })),
  'MultiheadAttention, causal': define(() => ({
    module: new nn.MultiheadAttention(8, 2, { batchFirst: true }),
    inputs: [normal(2, 5, 8)],
    forward: (module, x) => module.forward(x, x, x, { causal: true }),
  })),
  AvgPool2d: define(() => ({ module: new nn.AvgPool2d(2), inputs: [images(2, 3, 6)] })),
  MaxPool2d: define(() => ({ module: new nn.MaxPool2d(3, { stride: 2, padding: 1 }), inputs: [images(2, 3, 7)] })),
  GELU: () => unary(new nn.GELU()),
  'GELU, tanh': () => unary(new nn.GELU({ approximate: 'tanh' })),
  QuickGELU: () => unary(new nn.QuickGELU()),
  SiLU: () => unary(new nn.SiLU()),
  Sigmoid: () => unary(new nn.Sigmoid()),
  Tanh: () => unary(new nn.Tanh()),
  Softmax: () => unary(new nn.Softmax()),
  'CrossEntropyLoss, smoothed': define(() => ({
    module: new nn.CrossEntropyLoss({ labelSmoothing: 0.1 }),
    inputs: [normal(6, 5), tokens(6, 1, 5).reshape(6)],
  })),
  Bottleneck: define(() => ({ module: new Bottleneck(4, 2, 2), inputs: [images(2, 4, 4)] })),
  AttentionPool2d: define(() => ({ module: new AttentionPool2d(2, 8, 2, 5), inputs: [images(2, 8, 2)] })),
  // Batch statistics over the two values that are left in the last stage would be anything but smooth.
  'ModifiedResNet, evaluation': define(() => ({
    module: new ModifiedResNet([1, 1, 1, 1], 6, 2, 32, 2).eval(),
    inputs: [images(2, 3, 32)],
  })),
  VisionTransformer: define(() => ({ module: new VisionTransformer(8, 4, 8, 2, 2, 6), inputs: [images(2, 3, 8)] })),
  TextTransformer: define(() => ({
    module: new TextTransformer({ contextLength: 6, vocabularySize: 11, width: 8, layers: 2, heads: 2 }, 6),
    inputs: [tokens(3, 6, 11)],
  })),
  'CLIP, contrastive loss': define(() => ({
    module: tinyClip(),
    inputs: [images(4, 3, 8), tokens(4, 6, 11)],
    forward: (module, pictures, captions) => nn.contrastiveLoss(module.forward(pictures, captions)),
  })),
  'CLIP, SigLIP loss': define(() => ({
    module: tinyClip({ initialLogitScale: Math.log(10), initialLogitBias: -10 }),
    inputs: [images(4, 3, 8), tokens(4, 6, 11)],
    forward: (module, pictures, captions) => nn.sigLipLoss(module.forward(pictures, captions)),
  })),
};

const tinyClip = (options: { initialLogitScale?: number; initialLogitBias?: number } = {}): CLIP =>
  new CLIP({
    embedDim: 6,
    vision: { kind: 'vit', imageSize: 8, patchSize: 4, width: 8, layers: 1, heads: 2 },
    text: { contextLength: 6, vocabularySize: 11, width: 8, layers: 1, heads: 2 },
    ...options,
  });
