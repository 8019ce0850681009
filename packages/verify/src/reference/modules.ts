/** The modules that reference cases can name: PyTorch's layers, and OpenAI CLIP's blocks and models, with their arguments' names. */
import {
  AttentionPool2d,
  Bottleneck,
  CLIP,
  type CLIPConfig,
  ModifiedResNet,
  ResidualAttentionBlock,
  VisionTransformer,
} from '@tessera/models';
import * as nn from '@tessera/nn';
import { attentionModules } from './attention-modules.ts';
import type { CaseConfig } from './config.ts';
import { multimodalModules } from './multimodal-modules.ts';
import { defineReferenceModule as define, type ReferenceModule } from './reference-module.ts';
import { resnetModules } from './resnet-modules.ts';
import { visionModules } from './vision-modules.ts';

export const builtInModules: Readonly<Record<string, ReferenceModule>> = {
  ...visionModules,
  ...attentionModules,
  ...multimodalModules,
  ...resnetModules,
  Linear: define({
    build: (c) => new nn.Linear(c.number('in_features'), c.number('out_features'), { bias: c.boolean('bias', true) }),
  }),
  Conv2d: define({
    build: (c) =>
      new nn.Conv2d(c.number('in_channels'), c.number('out_channels'), c.pair('kernel_size'), {
        stride: c.pair('stride', 1),
        padding: c.pair('padding', 0),
        dilation: c.pair('dilation', 1),
        groups: c.number('groups', 1),
        bias: c.boolean('bias', true),
      }),
  }),
  BatchNorm2d: define({
    build: (c) =>
      new nn.BatchNorm2d(c.number('num_features'), {
        eps: c.number('eps', 1e-5),
        momentum: c.number('momentum', 0.1),
      }),
  }),
  LayerNorm: define({
    build: (c) => new nn.LayerNorm(c.numberOrNumbers('normalized_shape'), { eps: c.number('eps', 1e-5) }),
  }),
  Embedding: define({
    build: (c) => new nn.Embedding(c.number('num_embeddings'), c.number('embedding_dim')),
  }),
  AvgPool2d: define({
    build: (c) => new nn.AvgPool2d(c.pair('kernel_size'), poolOptions(c)),
  }),
  MaxPool2d: define({
    build: (c) => new nn.MaxPool2d(c.pair('kernel_size'), poolOptions(c)),
  }),
  ReLU: define({ build: () => new nn.ReLU() }),
  GELU: define({
    build: (c) => new nn.GELU({ approximate: c.string('approximate', 'none') as nn.GeluApproximation }),
  }),
  QuickGELU: define({ build: () => new nn.QuickGELU() }),
  SiLU: define({ build: () => new nn.SiLU() }),
  Sigmoid: define({ build: () => new nn.Sigmoid() }),
  Tanh: define({ build: () => new nn.Tanh() }),
  Softmax: define({ build: (c) => new nn.Softmax(c.number('dim', -1)) }),
  CrossEntropyLoss: define({
    build: (c) => new nn.CrossEntropyLoss({ labelSmoothing: c.number('label_smoothing', 0) }),
  }),
  MultiheadAttention: define({
    build: (c) =>
      new nn.MultiheadAttention(c.number('embed_dim'), c.number('num_heads'), {
        bias: c.boolean('bias', true),
        batchFirst: batchFirst(c.string('layout', '(L,N,E)')),
      }),
    // One input: self-attention. Two: a query and the context it attends to.
    forward: (module, [query, context], c) =>
      module.forward(query as never, context, context, { causal: c.boolean('causal', false) }),
  }),
  ResidualAttentionBlock: define({
    build: (c) =>
      new ResidualAttentionBlock(c.number('d_model'), c.number('n_head'), { causal: c.boolean('causal', false) }),
  }),
  Bottleneck: define({
    build: (c) => new Bottleneck(c.number('inplanes'), c.number('planes'), c.number('stride', 1)),
  }),
  AttentionPool2d: define({
    build: (c) =>
      new AttentionPool2d(
        c.number('spacial_dim'),
        c.number('embed_dim'),
        c.number('num_heads'),
        c.number('output_dim', c.number('embed_dim')),
      ),
  }),
  ModifiedResNet: define({
    build: (c) =>
      new ModifiedResNet(
        c.numbers('layers'),
        c.number('output_dim'),
        c.number('heads'),
        c.number('input_resolution', 224),
        c.number('width', 64),
      ),
    wholeModel: true,
  }),
  VisionTransformer: define({
    build: (c) =>
      new VisionTransformer(
        c.number('input_resolution'),
        c.number('patch_size'),
        c.number('width'),
        c.number('layers'),
        c.number('heads'),
        c.number('output_dim'),
      ),
    wholeModel: true,
  }),
  CLIP: define({
    build: (c) => new CLIP(clipConfig(c)),
    forward: (model, [images, tokens]) => {
      if (images === undefined || tokens === undefined) throw new Error('CLIP: needs the inputs image and text');
      const imageFeatures = model.encodeImage(images);
      const textFeatures = model.encodeText(tokens);
      const pair = {
        imageFeatures: nn.l2Normalize(imageFeatures),
        textFeatures: nn.l2Normalize(textFeatures),
        logitScale: model.logit_scale.exp(),
      };
      return {
        image_features: imageFeatures,
        text_features: textFeatures,
        logits_per_image: nn.functional.pairLogits(pair),
        loss: nn.contrastiveLoss(pair),
      };
    },
    wholeModel: true,
  }),
};

const poolOptions = (c: CaseConfig): nn.functional.PoolOptions => ({
  ...(c.has('stride') ? { stride: c.pair('stride') } : {}),
  padding: c.pair('padding', 0),
});

function batchFirst(layout: string): boolean {
  if (layout !== '(L,N,E)' && layout !== '(N,L,E)')
    throw new Error(`config: 'layout' must be (L,N,E) or (N,L,E), got ${layout}`);
  return layout === '(N,L,E)';
}

/** OpenAI's constructor tells a ResNet by `vision_layers` being a list. */
function clipConfig(c: CaseConfig): CLIPConfig {
  const layers = c.numberOrNumbers('vision_layers');
  const common = { imageSize: c.number('image_resolution'), width: c.number('vision_width') };
  return {
    embedDim: c.number('embed_dim'),
    vision:
      typeof layers === 'number'
        ? { kind: 'vit', ...common, layers, patchSize: c.number('vision_patch_size') }
        : { kind: 'resnet', ...common, layers: layers as [number, number, number, number] },
    text: {
      contextLength: c.number('context_length'),
      vocabularySize: c.number('vocab_size'),
      width: c.number('transformer_width'),
      heads: c.number('transformer_heads'),
      layers: c.number('transformer_layers'),
    },
  };
}
