/** The formats in which timm stores image models: its Vision Transformers, those with CLIP's layers, and its ResNets. */
import {
  CLIP,
  clipActivation,
  createImageTower,
  ImageClassifier,
  ResNet,
  VisionTransformer,
  ViT,
} from '@tessera/models';
import type { Activation, Module, StateDict } from '@tessera/nn';
import { eye, type Tensor } from '@tessera/tensor';
import { timmActivations } from './activation-names.ts';
import { visionConfigFromShapes } from './clip-config.ts';
import type { WeightFormat } from './format.ts';
import { assuming, describedBy } from './image-description.ts';
import type { NameTable } from './names.ts';
import { activationIn, refusalOf, unusualViT } from './refusals.ts';
import { resnetOptions } from './resnet-options.ts';
import { Shapes } from './shapes.ts';
import { timmConfig } from './timm-config.ts';
import { fromDinov2, ownNames, vitDescription, vitOptions } from './vit-options.ts';

/** The names in the file are the names of Tessera's modules. */
const sameNames: NameTable = [{ ours: '**', theirs: '**' }];

const vitRefusal = (model: Module): string | null =>
  model instanceof ViT
    ? refusalOf("timm's Vision Transformer", [
        ...unusualViT(model),
        activationIn(timmActivations, vitDescription(model).activation).missing,
      ])
    : null;

const vit: WeightFormat = {
  names: 'timm',
  title: "timm's Vision Transformer or DeiT",
  anchor: 'patch_embed.proj.weight',
  recognizes: (names) =>
    names.has('patch_embed.proj.weight') && names.has('pos_embed') && names.has('blocks.0.norm1.weight'),
  table: sameNames,
  ignored: [],
  // The decoder of masked autoencoders, and the projection heads of MoCo v3 and DINO.
  additions: ['mask_token', 'decoder_*', 'decoder_*.**', 'head.*.*', 'head.*.*.*'],
  variant: (state) => fromDinov2(state, ownNames),
  build: (state, hints) => ({
    model: new ViT(vitOptions(state, describedBy(hints))),
    assumptions: assuming(hints, '64 channels per head', 'activation gelu'),
  }),
  stores: (model) => model instanceof ViT && vitRefusal(model) === null,
  refusal: vitRefusal,
  describe: (model) => vitDescription(model as ViT),
  configFiles: (model, facts) => {
    const { width, blocks, imageSize, patchSize, readout, noEmbedClass, ...own } = model as ViT;
    const { heads, activation } = vitDescription(model as ViT);
    const state = model.stateDict();
    const distilled = own.dist_token !== null;
    const hidden = state.get('blocks.0.mlp.fc1.weight')?.shape[0] ?? 4 * width;
    return timmConfig(
      {
        architecture: distilled ? 'deit_base_distilled_patch16_224' : 'vit_base_patch16_224',
        arguments: {
          img_size: imageSize[0],
          patch_size: patchSize[0],
          embed_dim: width,
          depth: blocks.length,
          num_heads: heads,
          mlp_ratio: hidden / width,
          qkv_bias: state.has('blocks.0.attn.qkv.bias'),
          act_layer: activationIn(timmActivations, activation).name,
          class_token: own.cls_token !== null,
          no_embed_class: noEmbedClass,
          reg_tokens: own.reg_token?.shape[1] ?? 0,
          // The value is in the file; here it only says that there are factors.
          ...(state.has('blocks.0.ls1.gamma') ? { init_values: 1e-5 } : {}),
          ...(distilled ? {} : { global_pool: readout === 'mean' ? 'avg' : 'token' }),
        },
        classes: own.head === null ? 0 : own.outputDim,
        features: width,
        fixedSize: true,
        first: 'patch_embed.proj',
        classifier: distilled ? ['head', 'head_dist'] : 'head',
      },
      facts,
    );
  },
};

const block = 'transformer.resblocks.*';

const clipNames: NameTable = [
  { ours: 'visual.class_embedding', theirs: 'cls_token' },
  { ours: 'visual.positional_embedding', theirs: 'pos_embed' },
  { ours: 'visual.conv1.weight', theirs: 'patch_embed.proj.weight' },
  { ours: 'visual.ln_pre.*', theirs: 'norm_pre.*' },
  { ours: `visual.${block}.attn.in_proj_*`, theirs: 'blocks.*.attn.qkv.*' },
  { ours: `visual.${block}.attn.out_proj.*`, theirs: 'blocks.*.attn.proj.*' },
  { ours: `visual.${block}.ln_1.*`, theirs: 'blocks.*.norm1.*' },
  { ours: `visual.${block}.ln_2.*`, theirs: 'blocks.*.norm2.*' },
  { ours: `visual.${block}.mlp.c_fc.*`, theirs: 'blocks.*.mlp.fc1.*' },
  { ours: `visual.${block}.mlp.c_proj.*`, theirs: 'blocks.*.mlp.fc2.*' },
  { ours: 'visual.ln_post.*', theirs: 'norm.*' },
  { ours: 'visual.proj', theirs: 'proj' },
  { ours: 'head.*', theirs: 'head.*' },
];

/** The tensors under `names` that the state has, changed. */
function changed(state: StateDict, changes: Readonly<Record<string, (tensor: Tensor) => Tensor>>): Map<string, Tensor> {
  const result = new Map(state);
  for (const [name, change] of Object.entries(changes)) {
    const tensor = state.get(name);
    if (tensor !== undefined) result.set(name, change(tensor));
  }
  return result;
}

const activationOf = (model: ImageClassifier): ReturnType<typeof describedBy>['activation'] =>
  ((model.visual as VisionTransformer).transformer.resblocks[0]?.mlp.get('gelu') as Activation | undefined)?.activation;

const clipRefusal = (model: Module): string | null =>
  model instanceof ImageClassifier && model.visual instanceof VisionTransformer
    ? refusalOf("timm's Vision Transformer", [
        [model.visual.transformer.resblocks.length === 0, 'model.vision.layers=0'],
        activationIn(timmActivations, activationOf(model) ?? clipActivation).missing,
      ])
    : null;

/** A classifier on CLIP's Vision Transformer. timm has one linear layer where Tessera has the projection and the head. */
const clipVit: WeightFormat = {
  names: 'timm',
  title: "timm's Vision Transformer with CLIP's layers",
  anchor: 'norm_pre.weight',
  recognizes: (names) => names.has('norm_pre.weight') && names.has('patch_embed.proj.weight') && names.has('head.bias'),
  table: clipNames,
  ignored: [],
  variant: (state) =>
    new Map([
      ...changed(state, {
        cls_token: (token) => token.reshape([token.size]),
        pos_embed: (positions) => (positions.ndim === 3 ? positions.squeeze(0) : positions),
      }),
      ['proj', eye(state.get('norm.weight')?.shape[0] ?? 0)] as const,
    ]),
  rewrite: (state) => {
    const proj = state.get('proj') as Tensor;
    const whole = changed(state, {
      cls_token: (token) => token.reshape([1, 1, token.size]),
      pos_embed: (positions) => positions.unsqueeze(0),
      'head.weight': (weight) => weight.matmul(proj.transpose(0, 1)),
    });
    whole.delete('proj');
    return whole;
  },
  build: (state, hints) => {
    const { heads, activation = clipActivation } = describedBy(hints);
    const sizes = visionConfigFromShapes(state);
    const shapes = new Shapes(state);
    const vision = heads === undefined ? sizes : { ...sizes, heads };
    const tower = createImageTower(vision, shapes.size('head.weight', 1, 2), { activation });
    return {
      model: new ImageClassifier(tower, shapes.size('head.weight', 0, 2)),
      assumptions: assuming(hints, '64 channels per head', `activation ${activation}`),
    };
  },
  stores: (model) =>
    model instanceof ImageClassifier && model.visual instanceof VisionTransformer && clipRefusal(model) === null,
  refusal: (model) =>
    model instanceof CLIP
      ? "timm has no text towers; --to open-clip and --to hugging-face write both of CLIP's"
      : clipRefusal(model),
  describe: (model) => {
    const { visual } = model as ImageClassifier & { readonly visual: VisionTransformer };
    return {
      heads: visual.transformer.resblocks[0]?.attn.numHeads,
      activation: activationOf(model as ImageClassifier),
    };
  },
  configFiles: (model, facts) => {
    const { visual, head } = model as ImageClassifier & { readonly visual: VisionTransformer };
    const { width, resblocks } = visual.transformer;
    return timmConfig(
      {
        architecture: 'vit_base_patch32_clip_224',
        arguments: {
          img_size: visual.inputResolution,
          patch_size: visual.patchSize,
          embed_dim: width,
          depth: resblocks.length,
          num_heads: resblocks[0]?.attn.numHeads,
          act_layer: activationIn(timmActivations, activationOf(model as ImageClassifier) ?? clipActivation).name,
        },
        classes: head.outFeatures,
        features: width,
        fixedSize: true,
        first: 'patch_embed.proj',
        classifier: 'head',
      },
      facts,
    );
  },
};

const resnetRefusal = (model: Module): string | null => {
  if (!(model instanceof ResNet)) return null;
  const { width } = resnetOptions(model.stateDict(), model.inputResolution);
  return refusalOf("timm's ResNet, which has 64 channels after the stem,", [
    [width !== 64, `model.vision.width=${width}`],
  ]);
};

/** Written for timm; files with these names are read as torchvision's, which has the same. */
const resnet: WeightFormat = {
  names: 'timm',
  title: "timm's ResNet",
  anchor: 'conv1.weight',
  recognizes: () => false,
  table: sameNames,
  ignored: [],
  build: (state, hints) => ({
    model: new ResNet(resnetOptions(state, describedBy(hints).imageSize ?? 224)),
    assumptions: [],
  }),
  stores: (model) => model instanceof ResNet && resnetRefusal(model) === null,
  refusal: resnetRefusal,
  describe: (model) => ({ imageSize: (model as ResNet).inputResolution }),
  configFiles: (model, facts) => {
    const { inputResolution, outputDim, fc } = model as ResNet;
    const { block: kind, layers, width } = resnetOptions(model.stateDict(), inputResolution);
    return timmConfig(
      {
        architecture: kind === 'basic' ? 'resnet18' : 'resnet50',
        arguments: { layers },
        classes: fc === null ? 0 : outputDim,
        features: 8 * width * (kind === 'basic' ? 1 : 4),
        fixedSize: false,
        first: 'conv1',
        classifier: 'fc',
      },
      facts,
    );
  },
};

/** CLIP's layers come first: a plain Vision Transformer has most of the same names. */
export const timmFormats: readonly WeightFormat[] = [clipVit, vit, resnet];
