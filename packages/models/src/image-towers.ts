/** The image towers that a configuration can name: for each its settings, and how it is built from them. */
import { normPlacements } from './blocks/encoder-block.ts';
import { defaultHeads } from './blocks/transformer.ts';
import { defaultPoolHeads, ModifiedResNet } from './resnet/modified-resnet.ts';
import { ResNet, type ResNetBlockKind, resnetBlockKinds } from './resnet/resnet.ts';
import { defaultSwinHeads, Swin } from './swin/swin.ts';
import type { ImageTower } from './tower/image-tower.ts';
import { type CompleteValuesOf, type Settings, type ValuesOf, withDefaults } from './tower/settings.ts';
import { type PositionKind, positionKinds } from './vit/positions.ts';
import { VisionTransformer, type VisionTransformerOptions } from './vit/vision-transformer.ts';
import { ViT } from './vit/vit.ts';

/** An image tower that a configuration can name. */
export interface TowerEntry<All extends Settings> {
  /** For reports. */
  readonly name: string;
  readonly description: string;
  readonly settings: All;
  /** Builds the tower. Its features have `outputDim` numbers. */
  build(config: ValuesOf<All>, outputDim: number, options?: VisionTransformerOptions): ImageTower;
}

/** A tower whose settings are of no interest. */
interface AnyTowerEntry extends Omit<TowerEntry<Settings>, 'build'> {
  build(config: never, outputDim: number, options?: VisionTransformerOptions): ImageTower;
}

function tower<const All extends Settings>(
  given: Omit<TowerEntry<All>, 'build'> & {
    build(config: CompleteValuesOf<All>, outputDim: number, options: VisionTransformerOptions): ImageTower;
  },
): TowerEntry<All> {
  return {
    ...given,
    build: (config, outputDim, options = {}) => given.build(withDefaults(given.settings, config), outputDim, options),
  };
}

const positive = (description: string) => ({ kind: 'integer', minimum: 1, description }) as const;

const imageSize = positive('side of the square images in pixels; a multiple of patchSize');
const patchSize = positive('side of a square patch in pixels');

const dropPath = {
  kind: 'number',
  minimum: 0,
  maximum: 1,
  default: 0,
  description: 'stochastic depth: chance of dropping the last block of an image; smaller for the blocks before it',
} as const;

/** The settings that both Vision Transformers have. */
const vitSettings = {
  imageSize,
  patchSize,
  width: positive('numbers in a token'),
  layers: positive('transformer blocks'),
  heads: { ...positive('attention heads of each block; default: width / 64'), optional: true },
} as const;

const fourStages = (description: string) => ({ kind: 'integers', minimum: 1, length: 4, description }) as const;

/** The image towers by the names that configurations use. */
export const imageTowers = {
  vit: tower({
    name: 'ViT',
    description:
      "CLIP's Vision Transformer (Radford et al. 2021): one more layer norm before the blocks, and the class token is projected",
    settings: vitSettings,
    build: ({ imageSize, patchSize, width, layers, heads }, outputDim, options) =>
      new VisionTransformer(imageSize, patchSize, width, layers, defaultHeads({ width, heads }), outputDim, options),
  }),
  resnet: tower({
    name: 'ModifiedResNet',
    description: "CLIP's ResNet (Radford et al. 2021): average pools reduce, and attention pools at the end",
    settings: {
      imageSize: positive('side of the square images in pixels; a multiple of 32'),
      width: positive('channels after the stem; the last stage has 32 times as many'),
      layers: fourStages('bottlenecks in each of the four stages'),
      heads: { ...positive('heads of the attention pool; default: width / 2'), optional: true },
    },
    build: ({ imageSize, width, layers, heads }, outputDim) =>
      new ModifiedResNet(layers, outputDim, defaultPoolHeads({ width, heads }), imageSize, width),
  }),
  'plain-vit': tower({
    name: 'plain ViT',
    description: 'the Vision Transformer of Dosovitskiy et al. 2021, as in timm; its head computes the features',
    settings: {
      ...vitSettings,
      norm: {
        kind: 'choice',
        choices: normPlacements,
        default: 'pre',
        description: 'whether each block normalizes its input (pre) or its sum with the residual (post)',
      },
      readout: {
        kind: 'choice',
        choices: ['cls', 'mean'],
        default: 'cls',
        description: 'what represents the image: its class token, or the mean of its patches',
      },
      positions: {
        kind: 'choice',
        choices: Object.keys(positionKinds) as readonly PositionKind[],
        default: 'learned',
        description: 'how the positions of the patches are encoded',
      },
      registerTokens: {
        kind: 'integer',
        minimum: 0,
        optional: true,
        description:
          'tokens without meaning of their own (registers, Darcet et al. 2024); positions are then those of patches; default: none',
      },
      mlpRatio: {
        kind: 'number',
        minimum: 0,
        maximum: 64,
        optional: true,
        description: "width of the MLP's hidden layer, as a multiple of width; default: 4",
      },
      layerScale: {
        kind: 'number',
        minimum: 0,
        maximum: 1,
        optional: true,
        description: 'initial factor on the branches of each block (CaiT, DINOv2); default: no factors',
      },
      dropPath,
    },
    build: ({ layers: depth, width, heads, ...rest }, outputDim, options) =>
      new ViT({
        ...rest,
        ...options,
        ...{ width, depth, heads: defaultHeads({ width, heads }), classes: outputDim },
        // As in timm's models with registers.
        noEmbedClass: (rest.registerTokens ?? 0) > 0,
      }),
  }),
  swin: tower({
    name: 'Swin',
    description: 'Swin Transformer (Liu et al. 2021): attention within shifted windows; its head computes the features',
    settings: {
      imageSize,
      patchSize,
      width: positive('numbers in a token of the first stage; each later stage has twice as many'),
      layers: { kind: 'integers', minimum: 1, length: null, description: 'blocks in each stage' },
      heads: {
        kind: 'integers',
        minimum: 1,
        length: null,
        optional: true,
        description: 'attention heads in each stage; default: the width of the stage / 32',
      },
      window: { ...positive('side of an attention window, in tokens'), default: 7 },
      dropPath,
    },
    build: ({ layers: depths, width, heads, ...rest }, outputDim, options) => {
      const own = heads ?? defaultSwinHeads({ width, layers: depths });
      return new Swin({ ...rest, ...options, width, depths, heads: own, classes: outputDim });
    },
  }),
  'plain-resnet': tower({
    name: 'ResNet',
    description: 'the residual network of He et al. 2016, as in torchvision; its head computes the features',
    settings: {
      imageSize: { ...positive('side of the square images in pixels; at least 32'), minimum: 32 },
      width: positive(
        'channels after the stem; the last stage has 8 times as many with basic blocks, 32 with bottleneck',
      ),
      layers: fourStages('residual blocks in each of the four stages'),
      block: {
        kind: 'choice',
        choices: resnetBlockKinds as readonly ResNetBlockKind[],
        default: 'basic',
        description: 'convolutions of a block: two of 3 x 3 (basic), or 1 x 1, 3 x 3 and 1 x 1 (bottleneck)',
      },
    },
    build: (config, outputDim) => new ResNet({ ...config, classes: outputDim }),
  }),
} satisfies Record<string, AnyTowerEntry>;

export type ImageTowerKind = keyof typeof imageTowers;

type ConfigOf<Kind extends ImageTowerKind> = { readonly kind: Kind } & ValuesOf<(typeof imageTowers)[Kind]['settings']>;

export type ViTConfig = ConfigOf<'vit'>;
export type ResNetConfig = ConfigOf<'resnet'>;
export type PlainViTConfig = ConfigOf<'plain-vit'>;
export type SwinConfig = ConfigOf<'swin'>;
export type PlainResNetConfig = ConfigOf<'plain-resnet'>;

/** The image towers of OpenAI's CLIP: those that a CLIP model can have. */
export const clipTowerKinds = ['vit', 'resnet'] as const satisfies readonly ImageTowerKind[];

/** The configuration of an image tower of OpenAI's CLIP. */
export type VisionConfig = {
  [Kind in (typeof clipTowerKinds)[number]]: ConfigOf<Kind>;
}[(typeof clipTowerKinds)[number]];

/** The configuration of any image tower. */
export type ImageTowerConfig = { [Kind in ImageTowerKind]: ConfigOf<Kind> }[ImageTowerKind];

/**
 * The image tower that a configuration describes.
 *
 * @throws RangeError if `config.kind` is not in `imageTowers`, or a constructor finds that settings do not fit each other
 */
export function createImageTower(
  config: ImageTowerConfig,
  outputDim: number,
  options: VisionTransformerOptions = {},
): ImageTower {
  const { kind, ...values } = config;
  if (!(kind in imageTowers))
    throw new RangeError(`image tower '${kind}' is not known; the kinds are ${Object.keys(imageTowers).join(', ')}`);
  const found: AnyTowerEntry = imageTowers[kind];
  return found.build(values as never, outputDim, options);
}
