/** The plain Vision Transformer. */
import {
  type ActivationName,
  Dropout,
  functional as F,
  init,
  LayerNorm,
  type Linear,
  Module,
  Parameter,
  sizesOf,
} from '@tessera/nn';
import { concat, formatShape, type Tensor } from '@tessera/tensor';
import type { AttentionCall } from '../blocks/attention.ts';
import { EncoderBlock, type NormPlacement, vitNormEps } from '../blocks/encoder-block.ts';
import { floatDType } from '../blocks/float-dtype.ts';
import { smallNormal, startedLinear } from '../blocks/initialize.ts';
import { LinearPatchEmbed, PatchEmbed } from '../blocks/patch-embed.ts';
import type { AttendedImages, AttentiveTower } from '../tower/attended-images.ts';
import { gridOf } from '../tower/grid.ts';
import { checkTokenSequence, type Embedded, type SplitTower, type TokenSequence } from '../tower/halves.ts';
import type { GroupMatcher } from '../tower/parameter-layers.ts';
import { type PositionInterpolation, type PositionKind, type Positions, positionKinds } from './positions.ts';

export interface ViTOptions {
  /** In pixels: the side, or [height, width]. */
  readonly imageSize: F.Pair;
  readonly patchSize: F.Pair;
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  /** 0: no head; `forward` then returns the features [N, width]. */
  readonly classes?: number;
  readonly inChannels?: number;
  readonly mlpRatio?: number;
  readonly activation?: ActivationName;
  readonly norm?: NormPlacement;
  /** What represents the image: its class token, or the mean of its patches. */
  readonly readout?: 'cls' | 'mean';
  /** Default: true with `readout: 'cls'`. */
  readonly classToken?: boolean;
  /** DeiT's second token, with its own head. */
  readonly distilled?: boolean;
  /** The number of tokens without meaning of their own, in which the model can keep what it needs (Darcet et al. 2024). */
  readonly registerTokens?: number;
  /** Learned positions are those of the patches only, not of the tokens in front of them: timm's `no_embed_class`. */
  readonly noEmbedClass?: boolean;
  readonly patchEmbedding?: 'convolution' | 'linear';
  readonly positions?: PositionKind;
  /** Accept images of other sizes than `imageSize`, and interpolate the positions. */
  readonly dynamicImageSize?: boolean;
  readonly interpolation?: PositionInterpolation;
  readonly qkvBias?: boolean;
  readonly dropout?: number;
  readonly attentionDropout?: number;
  /** Stochastic depth: the probability in the last block; it grows from 0 in the first in equal steps. */
  readonly dropPath?: number;
  /** The initial factor of each block's branches (Touvron et al. 2021), timm's `init_values`; null: no factors. */
  readonly layerScale?: number | null;
}

export interface FeatureOptions {
  /** Whether the last norm is applied to the tokens of each layer. Default true. */
  readonly norm?: boolean;
}

/** The tokens of a layer, those such as the class token first, and the grid of the patches among them. */
export type Features = Embedded;

/**
 * The plain Vision Transformer (Dosovitskiy et al. 2021), with timm's names: `patch_embed.proj`, `cls_token`, `pos_embed`,
 * `blocks.0.attn.qkv`, `norm`, `head`; with `distilled` (Touvron et al. 2021) also `dist_token` and `head_dist`, with registers
 * `reg_token`. With the mean as
 * readout the norm comes after the mean and is called `fc_norm`, as in timm and MAE's fine-tuning.
 *
 *     z_0 = [class; x_1 E; ...; x_N E] + positions        (equation 1)
 *     z_l = block_l(z_{l-1})                               (equations 2 and 3)
 *     y = head(norm(z_L)[0])                               (equation 4)
 */
export class ViT extends Module implements AttentiveTower, SplitTower {
  readonly imageSize: readonly [number, number];
  readonly patchSize: readonly [number, number];
  readonly inputResolution: number;
  readonly outputDim: number;
  readonly width: number;
  /** The number of tokens in front of the patches. */
  readonly prefix: number;
  /** Whether learned positions are those of the patches only. */
  readonly noEmbedClass: boolean;
  readonly readout: 'cls' | 'mean';
  readonly dynamicImageSize: boolean;
  readonly patch_embed: PatchEmbed | LinearPatchEmbed;
  readonly cls_token: Parameter | null;
  readonly dist_token: Parameter | null;
  readonly reg_token: Parameter | null;
  readonly positions: Positions;
  readonly pos_drop: Dropout;
  readonly blocks: readonly EncoderBlock[];
  readonly norm: LayerNorm | null;
  readonly fc_norm: LayerNorm | null;
  readonly head: Linear | null;
  readonly head_dist: Linear | null;

  constructor(options: ViTOptions) {
    super();
    const { width, depth, heads, classes = 0, inChannels = 3, readout = 'cls', distilled = false } = options;
    const { registerTokens = 0, noEmbedClass = false } = options;
    if (!(Number.isInteger(registerTokens) && registerTokens >= 0))
      throw new RangeError(`ViT: registerTokens must be a whole number, got ${registerTokens}`);
    const { dropout = 0, norm = 'pre', patchEmbedding = 'convolution', dropPath = 0 } = options;
    const classToken = options.classToken ?? readout === 'cls';
    if (readout === 'cls' && !classToken) throw new RangeError("ViT: readout 'cls' needs a class token");
    if (distilled && readout !== 'cls')
      throw new RangeError("ViT: a distillation token needs readout 'cls', not 'mean'");
    this.imageSize = F.pair(options.imageSize);
    this.patchSize = F.pair(options.patchSize);
    this.inputResolution = this.imageSize[0];
    this.outputDim = classes > 0 ? classes : width;
    this.width = width;
    this.readout = readout;
    this.noEmbedClass = noEmbedClass;
    this.dynamicImageSize = options.dynamicImageSize ?? false;
    this.prefix = (classToken ? 1 : 0) + (distilled ? 1 : 0) + registerTokens;
    const grid = gridOf('ViT', this.imageSize, this.patchSize);

    const Embedding = { convolution: PatchEmbed, linear: LinearPatchEmbed }[patchEmbedding];
    this.patch_embed = new Embedding(width, this.patchSize, { inChannels });
    this.cls_token = classToken ? new Parameter(init.normal({ std: 1e-6 })([1, 1, width])) : null;
    this.dist_token = distilled ? new Parameter(smallNormal([1, 1, width])) : null;
    this.reg_token = registerTokens > 0 ? new Parameter(init.normal({ std: 1e-6 })([1, registerTokens, width])) : null;
    this.positions = positionKinds[options.positions ?? 'learned']({
      width,
      grid,
      prefix: this.prefix,
      embedPrefix: !noEmbedClass,
      headWidth: width / heads,
      interpolation: options.interpolation ?? {},
    });
    this.pos_drop = new Dropout(dropout);
    const rate = (layer: number): number => (depth === 1 ? dropPath : (dropPath * layer) / (depth - 1));
    this.blocks = Array.from(
      { length: depth },
      (_, layer) => new EncoderBlock(width, heads, { ...options, dropPath: rate(layer) }),
    );
    // Blocks with post-norm need no norm after the last one.
    const last = norm === 'pre' ? (): LayerNorm => new LayerNorm(width, { eps: vitNormEps }) : (): null => null;
    this.norm = readout === 'cls' ? last() : null;
    this.fc_norm = readout === 'mean' ? last() : null;
    const head = (): Linear | null => (classes > 0 ? startedLinear(width, classes) : null);
    this.head = head();
    this.head_dist = distilled ? head() : null;
  }

  /** The positions' tensors have names without prefix, like `cls_token`, as in timm. */
  override *members(): ReturnType<Module['members']> {
    for (const [name, member] of super.members()) yield [name === 'positions' ? '' : name, member];
  }

  groupMatcher(): GroupMatcher {
    return {
      stem: /^(cls_token|dist_token|pos_embed|row_embed|col_embed|patch_embed)\b/,
      blocks: [/^blocks\.(\d+)/],
      end: /^norm\b/,
    };
  }

  /**
   * [N, C, H, W] to logits [N, classes], or features [N, width] without a head. With a distillation token: the mean of both heads,
   * as in DeiT; `distill` returns each of them.
   */
  forward(images: Tensor): Tensor {
    return this.forwardTokens(this.embed(images));
  }

  /**
   * The back half: from the output of `embed`, from this process or another one, to the result of `forward`. With a mask, no token
   * attends to hidden ones, and the mean is over the visible patches.
   */
  forwardTokens(sequence: TokenSequence): Tensor {
    return this.#predict(this.#read(sequence), sequence.mask ?? null);
  }

  attend(images: Tensor): AttendedImages {
    const embedded = this.embed(images);
    const { prefix, grid } = embedded;
    const { features, weights } = this.#run(embedded);
    const output = this.#predict(features.at(-1) ?? embedded.tokens, null);
    const length = prefix + grid[0] * grid[1];
    const readout = this.readout === 'mean' ? ([prefix, length] as const) : ([0, prefix] as const);
    return { output, weights, prefix, grid, readout };
  }

  #predict(tokens: Tensor, mask: Tensor | null): Tensor {
    if (this.dist_token === null) return apply(this.head, this.#readout(tokens, mask));
    const { logits, distillation } = this.#heads(tokens);
    return logits.add(distillation).mul(0.5);
  }

  /** The outputs of the heads of class token and distillation token, [N, classes] each (or [N, width] without heads). */
  distill(images: Tensor): F.DistilledLogits {
    if (this.dist_token === null)
      throw new Error('ViT.distill: this model has no distillation token (distilled: true)');
    return this.#heads(this.#read(this.embed(images)));
  }

  /** The input of the head: [N, C, H, W] to [N, width]. */
  pooled(images: Tensor): Tensor {
    return this.#readout(this.#read(this.embed(images)), null);
  }

  #heads(tokens: Tensor): F.DistilledLogits {
    const token = (k: number): Tensor => apply(this.norm, tokens.select(1, k));
    return { logits: apply(this.head, token(0)), distillation: apply(this.head_dist, token(1)) };
  }

  #readout(tokens: Tensor, mask: Tensor | null): Tensor {
    // Only the class token goes through the norm, as the others are dropped.
    if (this.readout === 'cls') return apply(this.norm, tokens.select(1, 0));
    const patches = tokens.slice(1, this.prefix);
    if (mask === null) return apply(this.fc_norm, patches.mean(1));
    const shown = mask.slice(1, this.prefix).cast(tokens.dtype).unsqueeze(2); // [N, patches, 1]
    return apply(this.fc_norm, patches.mul(shown).sum(1).div(shown.sum(1).maximum(1)));
  }

  /** All tokens after the last block and, with readout `cls`, the last norm. */
  encode(images: Tensor): Features {
    const embedded = this.embed(images);
    return { ...embedded, tokens: apply(this.norm, this.#last(embedded)) };
  }

  /**
   * The tokens after several blocks: those of middle blocks keep details, those of the last ones have most meaning.
   *
   * @param layers indices of blocks, from 0; negative ones count from the end
   */
  features(images: Tensor, layers: readonly number[], { norm = true }: FeatureOptions = {}): Features[] {
    const wrong = layers.find((layer) => this.blocks.at(layer) === undefined);
    if (wrong !== undefined)
      throw new RangeError(`ViT.features: block ${wrong} does not exist: the model has ${this.blocks.length}`);
    const embedded = this.embed(images);
    const { features } = this.#run(embedded);
    return layers
      .map((layer) => features.at(layer) ?? embedded.tokens)
      .map((tokens) => ({ ...embedded, tokens: norm ? apply(this.norm ?? this.fc_norm, tokens) : tokens }));
  }

  /** The attention weights of every block, [N, H, prefix + patches, the same] each. */
  attentionMaps(images: Tensor): Tensor[] {
    return this.#run(this.embed(images)).weights;
  }

  /**
   * The front half, from images to the input of the blocks: class token first, then the patches, with the positions of all of them.
   * [N, C, H, W] to [N, prefix + rows * columns, width].
   */
  embed(images: Tensor): Embedded {
    const [height, width] = this.imageSize;
    const fits =
      images.ndim === 4 && (this.dynamicImageSize || (images.shape[2] === height && images.shape[3] === width));
    if (!fits)
      throw new RangeError(
        `ViT: needs images [N, C, ${height}, ${width}], got ${formatShape(images.shape)}; ` +
          'other sizes need dynamicImageSize: true',
      );
    const { tokens, grid } = this.patch_embed.embed(images);
    const [n, , channels] = sizesOf(tokens, 3, 'ViT', 'tokens [N, L, width]');
    const front = [this.cls_token, this.dist_token, this.reg_token].filter((token) => token !== null);
    const sequence = concat([...front.map((token) => token.expand([n, token.shape[1] ?? 1, channels])), tokens], 1);
    const added = this.positions.added(grid, floatDType(sequence));
    const placed = this.pos_drop.forward(added === null ? sequence : sequence.add(added));
    return { tokens: placed, prefix: this.prefix, grid };
  }

  #last(sequence: TokenSequence): Tensor {
    return this.#run(sequence).features.at(-1) ?? sequence.tokens;
  }

  /**
   * The last block's output for the tokens that the features are read from. With `readout: 'cls'` these are the first ones, and the
   * last block computes only them, [N, prefix, width]: patches are keys and values there.
   */
  #read(sequence: TokenSequence): Tensor {
    if (this.readout === 'mean') return this.#last(sequence);
    const call = this.#call(sequence);
    const before = this.blocks.slice(0, -1).reduce((x, block) => block.forward(x, call), sequence.tokens);
    return this.blocks.at(-1)?.forward(before, { ...call, queries: this.prefix }) ?? before;
  }

  /** Checks the sequence, and returns the blocks' arguments other than the tokens. */
  #call(sequence: TokenSequence): AttentionCall {
    const { tokens, grid, mask = null } = sequence;
    const own = gridOf('ViT', this.imageSize, this.patchSize);
    const expected = { prefix: this.prefix, grid: this.dynamicImageSize ? null : own, width: this.width };
    checkTokenSequence('ViT', sequence, expected);
    return {
      rotary: this.positions.angles(grid, floatDType(tokens)),
      mask: mask === null ? null : mask.unsqueeze(1).unsqueeze(1),
    };
  }

  #run(sequence: TokenSequence): { features: Tensor[]; weights: Tensor[] } {
    const call = this.#call(sequence);
    const features: Tensor[] = [];
    const weights: Tensor[] = [];
    for (const block of this.blocks) {
      const attended = block.attend(features.at(-1) ?? sequence.tokens, call);
      features.push(attended.output);
      weights.push(attended.weights);
    }
    return { features, weights };
  }
}

const apply = (module: LayerNorm | Linear | null, x: Tensor): Tensor => (module === null ? x : module.forward(x));
