import type { ActivationName } from '@tessera/nn';

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

export type VisionConfig = ViTConfig | ResNetConfig;

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
