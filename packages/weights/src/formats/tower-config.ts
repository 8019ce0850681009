/** The configuration of the image tower inside a model. */
import type { ImageClassifier } from '@tessera/models';
import {
  CLIP,
  clipActivation,
  defaultHeads,
  defaultPoolHeads,
  ModifiedResNet,
  type VisionConfig,
  VisionTransformer,
} from '@tessera/models';
import type { Activation, ActivationName } from '@tessera/nn';
import { visionConfigFromShapes } from './clip-config.ts';

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
      activation: 'quickgelu',
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
