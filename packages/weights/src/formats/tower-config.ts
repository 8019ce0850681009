/** The configuration of the image tower inside a model. */

import {
  CLIP,
  clipActivation,
  defaultHeads,
  defaultPoolHeads,
  ImageClassifier,
  type ImageTowerConfig,
  ModifiedResNet,
  PatchEmbed,
  type PlainViTConfig,
  ResNet,
  type VisionConfig,
  VisionTransformer,
  ViT,
} from '@tessera/models';
import type { Activation, ActivationName, Module } from '@tessera/nn';
import { visionConfigFromShapes } from './clip-config.ts';
import { resnetOptions } from './resnet-options.ts';

/** The configuration of an image tower of CLIP. */
export interface TowerConfig {
  readonly vision: VisionConfig;
  /** Length of the features that it returns. */
  readonly embedDim: number;
  readonly activation: ActivationName;
}

/** The configuration of a model's image tower; null if it is not one of CLIP's towers. */
export function towerConfigOf(model: CLIP | ImageClassifier): TowerConfig | null {
  const { visual } = model;
  const known = visual instanceof VisionTransformer || visual instanceof ModifiedResNet;
  if (!known) return null;
  if (model instanceof CLIP) {
    const { vision, embedDim, activation = clipActivation } = model.config;
    return { vision, embedDim, activation };
  }
  const vision = visionConfigFromShapes(model.stateDict());
  if (visual instanceof ModifiedResNet)
    return {
      vision: { ...vision, heads: visual.attnpool.numHeads },
      embedDim: visual.outputDim,
      activation: clipActivation,
    };
  const [block] = visual.transformer.resblocks;
  return {
    vision: { ...vision, heads: block?.attn.numHeads ?? 1 },
    embedDim: visual.outputDim,
    activation: block === undefined ? clipActivation : (block.mlp.get('gelu') as Activation).activation,
  };
}

export const headsOfTower = ({ vision }: TowerConfig): number =>
  vision.kind === 'vit' ? defaultHeads(vision) : defaultPoolHeads(vision);

/** How an image model is built as an image tower. */
export interface ImageModelConfig extends Omit<TowerConfig, 'vision'> {
  readonly vision: ImageTowerConfig;
}

/**
 * How the same image tower is built from a configuration: that of CLIP or of a classifier, or a Vision Transformer of timm or a ResNet of
 * torchvision, whose head then computes features. Null if no configuration describes it.
 */
export function imageModelOf(model: Module): ImageModelConfig | null {
  if (model instanceof CLIP || model instanceof ImageClassifier) return towerConfigOf(model);
  if (model instanceof ViT) return plainViT(model);
  if (model instanceof ResNet) return plainResNet(model);
  return null;
}

function plainViT(model: ViT): ImageModelConfig | null {
  const [block] = model.blocks;
  if (block === undefined || undescribedParts(model).length > 0) return null;
  const { width, readout } = model;
  const registerTokens = model.reg_token?.shape[1] ?? 0;
  const mlpRatio = (model.stateDict().get('blocks.0.mlp.fc1.weight')?.shape[0] ?? 4 * width) / width;
  const vision: PlainViTConfig = {
    kind: 'plain-vit',
    ...{ imageSize: model.imageSize[0], patchSize: model.patchSize[0], width, layers: model.blocks.length },
    ...{ heads: block.attn.numHeads, norm: 'pre', readout, positions: 'learned', dropPath: 0 },
    ...(registerTokens === 0 ? {} : { registerTokens }),
    ...(mlpRatio === 4 ? {} : { mlpRatio }),
    // Its value does not matter: the factors are in the file.
    ...(block.ls1 === null ? {} : { layerScale: 1e-5 }),
  };
  return { vision, embedDim: width, activation: block.mlp.act.activation };
}

/** What a model has that the settings of an image tower cannot say: nothing for all models but some Vision Transformers. */
export function undescribedParts(model: Module): string[] {
  if (!(model instanceof ViT)) return [];
  const [block] = model.blocks;
  const square = model.imageSize[0] === model.imageSize[1] && model.patchSize[0] === model.patchSize[1];
  return [
    ...(block === undefined ? ['no blocks'] : []),
    ...(square ? [] : ['rectangular images or patches']),
    ...(model.patch_embed instanceof PatchEmbed ? [] : ['a linear layer as patch embedding']),
    ...(model.dist_token === null ? [] : ['a distillation token']),
    ...((model.cls_token !== null) === (model.readout === 'cls') ? [] : ['a class token that is not the readout']),
    ...(model.noEmbedClass === (model.reg_token !== null) ? [] : ['registers with positions, or none without them']),
    ...(model.stateDict().has('blocks.0.attn.qkv.bias') ? [] : ['attention without biases']),
  ];
}

function plainResNet(model: ResNet): ImageModelConfig {
  const { block, layers, width, imageSize } = resnetOptions(model.stateDict(), model.inputResolution);
  const embedDim = 8 * width * (block === 'basic' ? 1 : 4);
  return { vision: { kind: 'plain-resnet', imageSize, width, layers, block }, embedDim, activation: 'relu' };
}
