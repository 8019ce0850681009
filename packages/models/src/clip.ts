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
import { type CLIPConfig, defaultHeads, defaultPoolHeads, defaultSwinHeads, type ImageTowerConfig } from './config.ts';
import type { ImageTower } from './image-tower.ts';
import { ModifiedResNet } from './modified-resnet.ts';
import { ResNet } from './resnet.ts';
import { TextTransformer } from './text-transformer.ts';
import { VisionTransformer, type VisionTransformerOptions } from './vision-transformer.ts';
import { Swin } from './vit/swin.ts';
import { ViT } from './vit/vision-transformer.ts';

/** The image tower that a configuration describes. */
export function createImageTower(
  config: ImageTowerConfig,
  outputDim: number,
  options: VisionTransformerOptions = {},
): ImageTower {
  switch (config.kind) {
    case 'vit':
      return new VisionTransformer(
        config.imageSize,
        config.patchSize,
        config.width,
        config.layers,
        defaultHeads(config),
        outputDim,
        options,
      );
    case 'resnet':
      return new ModifiedResNet(config.layers, outputDim, defaultPoolHeads(config), config.imageSize, config.width);
    case 'plain-vit': {
      const { layers: depth, kind: _, ...rest } = config;
      return new ViT({ ...rest, ...options, depth, heads: defaultHeads(config), classes: outputDim });
    }
    case 'swin': {
      const { layers: depths, kind: _, ...rest } = config;
      return new Swin({ ...rest, ...options, depths, heads: defaultSwinHeads(config), classes: outputDim });
    }
    case 'plain-resnet': {
      const { kind: _, block = 'basic', ...rest } = config;
      return new ResNet({ ...rest, block, classes: outputDim });
    }
    default:
      throw new RangeError(
        `image tower '${(config satisfies never as { kind: string }).kind}' is not known: 'vit', 'resnet', 'plain-vit', 'swin' or 'plain-resnet'`,
      );
  }
}

const largestLogitScale = Math.log(100);

/** Numbers that OpenAI's archives hold beside the parameters; the configuration says the same. */
const archiveNumbers = ['input_resolution', 'context_length', 'vocab_size'];

/**
 * CLIP (Radford et al. 2021): an image tower and a text tower trained so that the features of an image and of its caption point
 * the same way. Parameters have the names of OpenAI's state_dict: the image tower's begin with `visual.`, the text tower's stand
 * at the root.
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
    const { activation = 'quickgelu', initialLogitScale = Math.log(1 / 0.07), initialLogitBias = null } = config;
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

  /** As in Module; the three numbers that OpenAI's archives hold beside the parameters are passed over. */
  override loadStateDict(state: StateDict | Readonly<Record<string, Tensor>>, options: LoadOptions = {}): LoadResult {
    const entries = state instanceof Map ? [...state] : Object.entries(state);
    return super.loadStateDict(new Map(entries.filter(([name]) => !archiveNumbers.includes(name))), options);
  }

  /** Images [N, 3, R, R], normalised, to features [N, embedDim]. */
  encodeImage(images: Tensor): Tensor {
    return this.visual.forward(images);
  }

  /** Tokens i32 [N, contextLength] to features [N, embedDim]. */
  encodeText(tokens: Tensor): Tensor {
    return this.text.forward(tokens);
  }

  /** Both towers' features with length 1, and what turns their products into logits: `contrastiveLoss` takes it as it is. */
  forward(images: Tensor, tokens: Tensor): PairedFeatures & { readonly logitBias: Tensor | null } {
    return {
      imageFeatures: F.l2Normalize(this.encodeImage(images)),
      textFeatures: F.l2Normalize(this.encodeText(tokens)),
      logitScale: this.logit_scale.exp(),
      logitBias: this.logit_bias,
    };
  }

  /** Keeps logit_scale in [0, ln 100], so that the factor stays in [1, 100]. To be called after each optimiser step. */
  clampLogitScale(): void {
    noGrad(() => this.logit_scale.assign(this.logit_scale.clamp(0, largestLogitScale)));
  }
}
