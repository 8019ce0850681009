import type { ActivationName } from '@tessera/nn';
import type { ResNetBlockKind } from './resnet.ts';
import type { NormPlacement } from './vit/block.ts';
import type { PositionKind } from './vit/positions.ts';

/** A Vision Transformer as the image tower (Dosovitskiy et al. 2021, with CLIP's extra layer norm before the blocks). */
export interface ViTConfig {
  readonly kind: 'vit';
  /** Side of the square images, in pixels. A multiple of the patch size. */
  readonly imageSize: number;
  readonly patchSize: number;
  readonly width: number;
  readonly layers: number;
  /** Default: width / 64. */
  readonly heads?: number;
}

/** CLIP's ModifiedResNet as the image tower. */
export interface ResNetConfig {
  readonly kind: 'resnet';
  /** Side of the square images, in pixels. A multiple of 32. */
  readonly imageSize: number;
  /** Channels after the stem; the last stage has 32 times as many. */
  readonly width: number;
  /** Bottlenecks in each of the four stages. */
  readonly layers: readonly [number, number, number, number];
  /** Of the attention pool. Default: 32 * width / 64. */
  readonly heads?: number;
}

/** CLIP's image towers, as OpenAI built them. */
export type VisionConfig = ViTConfig | ResNetConfig;

/** The plain Vision Transformer as the image tower: `ViT`, its head giving the features. */
export interface PlainViTConfig {
  readonly kind: 'plain-vit';
  /** Side of the square images, in pixels. A multiple of the patch size. */
  readonly imageSize: number;
  readonly patchSize: number;
  readonly width: number;
  readonly layers: number;
  /** Default: width / 64. */
  readonly heads?: number;
  readonly norm?: NormPlacement;
  readonly readout?: 'cls' | 'mean';
  readonly positions?: PositionKind;
  readonly dropPath?: number;
}

/** Swin Transformer as the image tower: `Swin`, its head giving the features. */
export interface SwinConfig {
  readonly kind: 'swin';
  /** Side of the square images, in pixels. A multiple of the patch size. */
  readonly imageSize: number;
  readonly patchSize: number;
  /** Of the first stage; each later stage has twice the width. */
  readonly width: number;
  /** Blocks in each stage. */
  readonly layers: readonly number[];
  /** Of each stage. Default: a head is 32 wide. */
  readonly heads?: readonly number[];
  /** Side of a window, in tokens. Default: 7. */
  readonly window?: number;
  readonly dropPath?: number;
}

/** The plain residual network as the image tower: `ResNet`, its head giving the features. */
export interface PlainResNetConfig {
  readonly kind: 'plain-resnet';
  /** Side of the square images, in pixels. At least 32. */
  readonly imageSize: number;
  /** Channels after the stem; the last stage has 8 times as many with `basic` blocks, 32 times with `bottleneck`. */
  readonly width: number;
  /** Blocks in each of the four stages. */
  readonly layers: readonly [number, number, number, number];
  /** Default: `basic`. */
  readonly block?: ResNetBlockKind;
}

/** All image towers that a configuration can describe. */
export type ImageTowerConfig = VisionConfig | PlainViTConfig | SwinConfig | PlainResNetConfig;

export interface TextConfig {
  /** Tokens of a caption, start and end included. */
  readonly contextLength: number;
  readonly vocabularySize: number;
  readonly width: number;
  readonly layers: number;
  /** Default: width / 64. */
  readonly heads?: number;
}

export interface CLIPConfig {
  /** Length of the features that both towers give. */
  readonly embedDim: number;
  readonly vision: VisionConfig;
  readonly text: TextConfig;
  /** Of the transformers' MLPs. OpenAI's models have `quickgelu` (default), most of OpenCLIP's `gelu`. */
  readonly activation?: ActivationName;
  /** What logit_scale starts at. Default: ln(1 / .07); SigLIP: ln 10. */
  readonly initialLogitScale?: number;
  /** Gives the model a trained logit_bias that starts here (SigLIP: -10). Default: none. */
  readonly initialLogitBias?: number | null;
}

/** Of ViT and text transformer: a head is 64 wide. */
export const defaultHeads = ({ width, heads }: { readonly width: number; readonly heads?: number }): number =>
  heads ?? Math.max(1, Math.floor(width / 64));

/** Of the attention pool: a head is 64 wide, the pool 32 * width. */
export const defaultPoolHeads = ({ width, heads }: ResNetConfig): number => heads ?? Math.max(1, (32 * width) / 64);

/** Of Swin's stages: a head is 32 wide (Liu et al. 2021, section 3.3). */
export const defaultSwinHeads = ({ width, layers, heads }: SwinConfig): readonly number[] =>
  heads ?? layers.map((_, stage) => Math.max(1, Math.floor((width * 2 ** stage) / 32)));
