/** CLIP: two towers and a scale. */
import {
  functional as F,
  init,
  type LoadOptions,
  type LoadResult,
  Module,
  type PairedFeatures,
  Parameter,
  type StateDict,
} from '@tessera/nn';
import { noGrad, type Tensor } from '@tessera/tensor';
import { clipActivation } from '../blocks/transformer.ts';
import { createImageTower } from '../image-towers.ts';
import type { ImageTower } from '../tower/image-tower.ts';
import type { CLIPConfig } from './config.ts';
import { TextTransformer } from './text-transformer.ts';

const largestLogitScale = Math.log(100);

/** Numbers that OpenAI's archives store next to the parameters; the configuration has them too. */
const archiveNumbers = ['input_resolution', 'context_length', 'vocab_size'];

/**
 * CLIP (Radford et al. 2021): an image tower and a text tower, trained so that the features of an image and of its caption point
 * in the same direction. Parameters have the names of OpenAI's state_dict: the image tower's begin with `visual.`, the text tower's
 * have no prefix.
 */
export class CLIP extends Module {
  readonly config: CLIPConfig;
  readonly visual: ImageTower;
  readonly text: TextTransformer;
  /** The logarithm of the factor on the cosines, a scalar. */
  readonly logit_scale: Parameter;
  /** Added to the scaled cosines (SigLIP), a scalar; null in CLIP. */
  readonly logit_bias: Parameter | null;

  constructor(config: CLIPConfig) {
    super();
    const { activation = clipActivation, initialLogitScale = Math.log(1 / 0.07), initialLogitBias = null } = config;
    this.config = config;
    this.visual = createImageTower(config.vision, config.embedDim, { activation });
    this.text = new TextTransformer(config.text, config.embedDim, { activation });
    this.logit_scale = new Parameter(init.constant(initialLogitScale)([]));
    this.logit_bias = initialLogitBias === null ? null : new Parameter(init.constant(initialLogitBias)([]));
  }

  override *members(): Iterable<[name: string, member: Module | Parameter]> {
    yield ['visual', this.visual];
    yield ['', this.text];
    yield ['logit_scale', this.logit_scale];
    if (this.logit_bias !== null) yield ['logit_bias', this.logit_bias];
  }

  /** As in Module, but ignores the three numbers that OpenAI's archives store next to the parameters. */
  override loadStateDict(state: StateDict | Readonly<Record<string, Tensor>>, options: LoadOptions = {}): LoadResult {
    const entries = state instanceof Map ? [...state] : Object.entries(state);
    return super.loadStateDict(new Map(entries.filter(([name]) => !archiveNumbers.includes(name))), options);
  }

  /** Images [N, 3, R, R], normalized, to features [N, embedDim]. */
  encodeImage(images: Tensor): Tensor {
    return this.visual.forward(images);
  }

  /** Tokens i32 [N, contextLength] to features [N, embedDim]. */
  encodeText(tokens: Tensor): Tensor {
    return this.text.forward(tokens);
  }

  /** Both towers' features with length 1, and the scale and bias that turn their products into logits, as `contrastiveLoss` takes them. */
  forward(images: Tensor, tokens: Tensor): PairedFeatures & { readonly logitBias: Tensor | null } {
    return {
      imageFeatures: F.l2Normalize(this.encodeImage(images)),
      textFeatures: F.l2Normalize(this.encodeText(tokens)),
      logitScale: this.logit_scale.exp(),
      logitBias: this.logit_bias,
    };
  }

  /** Clamps logit_scale to [0, ln 100], so that the factor stays in [1, 100]. Call it after each optimizer step. */
  clampLogitScale(): void {
    noGrad(() => this.logit_scale.assign(this.logit_scale.clamp(0, largestLogitScale)));
  }
}
