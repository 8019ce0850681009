/** The formats in which image models are stored: timm, torchvision, and Tessera's classifiers on CLIP's image towers. */
import type { VisionConfig } from '@tessera/models';
import {
  clipActivation,
  createImageTower,
  ImageClassifier,
  PatchEmbed,
  ResNet,
  ViT,
  type ViTOptions,
} from '@tessera/models';
import type { ActivationName, StateDict } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { activationNames, visionConfigFromShapes } from './clip-config.ts';
import type { BuiltModel, ModelHints, WeightFormat } from './format.ts';
import { JsonReader } from './json-reader.ts';
import type { NameTable } from './names.ts';
import { resnetOptions } from './resnet-options.ts';
import { Shapes, squareSide } from './shapes.ts';
import { headsOfTower, towerConfigOf } from './tower-config.ts';

/** The names in the file are the names of Tessera's modules. */
const sameNames: NameTable = [{ ours: '**', theirs: '**' }];

/** The settings of these models that do not follow from shapes. */
interface ImageDescription {
  readonly heads?: number;
  readonly activation?: ActivationName;
  readonly imageSize?: number;
  readonly noEmbedClass?: boolean;
}

function describedBy({ description, activation }: ModelHints): ImageDescription {
  const json = new JsonReader(description ?? {}, 'description');
  return {
    ...(activation === undefined ? {} : { activation }),
    ...(json.has('activation') ? { activation: json.choice('activation', activationNames, '') } : {}),
    ...(json.has('heads') ? { heads: json.count('heads', 1) } : {}),
    ...(json.has('imageSize') ? { imageSize: json.count('imageSize', 1) } : {}),
    ...(json.has('noEmbedClass') ? { noEmbedClass: json.flag('noEmbedClass') } : {}),
  };
}

/** The assumptions, unless a description specifies the settings. */
const assuming = ({ description }: ModelHints, ...assumptions: string[]): string[] =>
  description === undefined ? assumptions : [];

function vitOptions(state: StateDict, described: ImageDescription): ViTOptions {
  const shapes = new Shapes(state);
  const width = shapes.size('patch_embed.proj.weight', 0, 4);
  const patchSize = shapes.size('patch_embed.proj.weight', 3, 4);
  const classToken = shapes.has('cls_token');
  const distilled = shapes.has('dist_token');
  const registerTokens = shapes.has('reg_token') ? shapes.size('reg_token', 1, 3) : 0;
  const prefix = Number(classToken) + Number(distilled) + registerTokens;
  const places = shapes.size('pos_embed', 1, 3);
  // timm's models with registers have positions of the patches only, some others too.
  const { noEmbedClass = prefix > 0 && isSquare(places) && (registerTokens > 0 || !isSquare(places - prefix)) } =
    described;
  return {
    imageSize: patchSize * squareSide(noEmbedClass ? places : places - prefix, 'pos_embed'),
    patchSize,
    width,
    depth: shapes.count('blocks'),
    heads: described.heads ?? Math.max(1, Math.floor(width / 64)),
    classes: shapes.has('head.weight') ? shapes.size('head.weight', 0, 2) : 0,
    mlpRatio: shapes.size('blocks.0.mlp.fc1.weight', 0, 2) / width,
    activation: described.activation ?? 'gelu',
    readout: shapes.has('fc_norm.weight') ? 'mean' : 'cls',
    classToken,
    distilled,
    registerTokens,
    noEmbedClass,
    qkvBias: shapes.has('blocks.0.attn.qkv.bias'),
    // Only its presence matters here: the values are in the file.
    layerScale: shapes.has('blocks.0.ls1.gamma') ? 1 : null,
  };
}

const isSquare = (places: number): boolean => places > 0 && Number.isInteger(Math.sqrt(places));

/**
 * DINOv2's own files with registers (https://github.com/facebookresearch/dinov2): `register_tokens`, and a position of the class token,
 * which here is added to the class token itself, as timm does.
 */
function fromDinov2(state: StateDict): Map<string, Tensor> {
  const renamed = new Map(state);
  const registers = state.get('register_tokens');
  const classToken = state.get('cls_token');
  const positions = state.get('pos_embed');
  if (registers === undefined || classToken?.ndim !== 3 || positions?.ndim !== 3) return renamed;
  renamed.delete('register_tokens');
  renamed.set('reg_token', registers);
  renamed.set('cls_token', classToken.add(positions.slice(1, 0, 1)));
  renamed.set('pos_embed', positions.slice(1, 1));
  return renamed;
}

function buildClassifier(state: StateDict, hints: ModelHints): BuiltModel {
  const { heads, activation = clipActivation } = describedBy(hints);
  const sizes = visionConfigFromShapes(state);
  const vision: VisionConfig = heads === undefined ? sizes : { ...sizes, heads };
  const shapes = new Shapes(state);
  const classes = shapes.size('head.weight', 0, 2);
  const embedDim = shapes.size('head.weight', 1, 2);
  return {
    model: new ImageClassifier(createImageTower(vision, embedDim, { activation }), classes),
    assumptions: assuming(hints, '64 channels per head', `activation ${activation}`),
  };
}

function describeClassifier(model: ImageClassifier): ImageDescription {
  const config = towerConfigOf(model);
  return config === null ? {} : { heads: headsOfTower(config), activation: config.activation };
}

const noConfigFile = (): null => null;

export const imageFormats: readonly WeightFormat[] = [
  {
    names: 'timm',
    title: "timm's Vision Transformer or DeiT",
    anchor: 'patch_embed.proj.weight',
    recognizes: (names) =>
      names.has('patch_embed.proj.weight') && names.has('pos_embed') && names.has('blocks.0.norm1.weight'),
    table: sameNames,
    ignored: [],
    // The decoder of masked autoencoders, and the projection heads of MoCo v3 and DINO.
    additions: ['mask_token', 'decoder_*', 'decoder_*.**', 'head.*.*', 'head.*.*.*'],
    variant: fromDinov2,
    build: (state, hints) => ({
      model: new ViT(vitOptions(state, describedBy(hints))),
      assumptions: assuming(hints, '64 channels per head', 'activation gelu'),
    }),
    // timm's models have learned positions.
    stores: (model) =>
      model instanceof ViT &&
      model.patch_embed instanceof PatchEmbed &&
      model.namedParameters().some(([name]) => name === 'pos_embed'),
    describe: (model) => {
      const [block] = (model as ViT).blocks;
      if (block === undefined) return {};
      return {
        heads: block.attn.numHeads,
        activation: block.mlp.act.activation,
        ...((model as ViT).noEmbedClass ? { noEmbedClass: true } : {}),
      };
    },
    configFile: noConfigFile,
  },
  {
    names: 'torchvision',
    title: "torchvision's or timm's ResNet",
    anchor: 'conv1.weight',
    // The projection heads of MoCo v2 and similar methods.
    additions: ['fc.*.*'],
    recognizes: (names) => names.has('conv1.weight') && names.has('bn1.weight') && names.has('layer1.0.conv1.weight'),
    table: sameNames,
    ignored: [],
    build: (state, hints) => ({
      model: new ResNet(resnetOptions(state, describedBy(hints).imageSize ?? 224)),
      assumptions: assuming(hints, 'images of 224 x 224 pixels'),
    }),
    stores: (model) => model instanceof ResNet,
    describe: (model) => ({ imageSize: (model as ResNet).inputResolution }),
    configFile: noConfigFile,
  },
  {
    names: 'tessera',
    title: "a classifier on CLIP's image tower",
    anchor: 'head.weight',
    recognizes: (names) =>
      names.has('head.weight') && (names.has('visual.proj') || names.has('visual.attnpool.positional_embedding')),
    table: sameNames,
    ignored: [],
    build: buildClassifier,
    stores: (model) => model instanceof ImageClassifier && towerConfigOf(model) !== null,
    describe: (model) => describeClassifier(model as ImageClassifier),
    configFile: noConfigFile,
  },
];
