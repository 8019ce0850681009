/** The configuration of CLIP. */
import type { ActivationName } from '@tessera/nn';
import type { VisionConfig } from '../image-towers.ts';

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
  /** Length of both towers' features. */
  readonly embedDim: number;
  readonly vision: VisionConfig;
  readonly text: TextConfig;
  /** Of the transformers' MLPs. OpenAI's models have `quickgelu` (`clipActivation`, the default), most of OpenCLIP's `gelu`. */
  readonly activation?: ActivationName;
  /** Initial value of logit_scale. Default: ln(1 / .07); SigLIP: ln 10. */
  readonly initialLogitScale?: number;
  /** Gives the model a trained logit_bias with this initial value (SigLIP: -10). Default: none. */
  readonly initialLogitBias?: number | null;
}
