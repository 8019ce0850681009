/** Pretraining of Vision Transformers by hidden patches. */
import { functional as F, init, LayerNorm, type Linear, Module, Parameter, sizesOf } from '@tessera/nn';
import { concat, formatShape, iota, rand, type Tensor, where } from '@tessera/tensor';
import { EncoderBlock, vitNormEps } from '../blocks/encoder-block.ts';
import { startedLinear } from '../blocks/initialize.ts';
import { PatchEmbed } from '../blocks/patch-embed.ts';
import { type Grid, gridOf } from '../tower/grid.ts';
import type { GroupMatcher, LayeredModel } from '../tower/parameter-layers.ts';
import { SinusoidalGridPositions } from './positions.ts';

export interface MaskedAutoencoderOptions {
  readonly imageSize: F.Pair;
  readonly patchSize: F.Pair;
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly inChannels?: number;
  readonly mlpRatio?: number;
  readonly decoderWidth: number;
  readonly decoderDepth: number;
  readonly decoderHeads: number;
  /** The share of patches that are hidden from the encoder. Default 0.75. */
  readonly maskRatio?: number;
  /** The decoder predicts each patch's pixels minus their mean, divided by their standard deviation. Default true. */
  readonly normalizePixels?: boolean;
}

export interface Masking {
  /** i32 [N, kept]: the visible patches. */
  readonly kept: Tensor;
  /** i32 [N, L]: the place of each patch if the visible ones come first. */
  readonly rank: Tensor;
  /** f32 [N, L]: 1 if a patch is hidden, else 0. */
  readonly mask: Tensor;
}

/**
 * Chooses patches by random numbers: those with the `keep` smallest numbers are visible. The rank of each number is computed by
 * comparing all pairs, so that it can be part of a compiled step.
 *
 * @param noise [N, L]
 */
export function maskByNoise(noise: Tensor, keep: number): Masking {
  const [n = 0, length = 0] = noise.shape;
  if (noise.ndim !== 2 || !Number.isInteger(keep) || keep < 1 || keep > length)
    throw new RangeError(`maskByNoise: cannot keep ${keep} of the patches with noise ${formatShape(noise.shape)}`);
  const pairs = [n, length, length];
  const [own, other] = [noise.unsqueeze(2), noise.unsqueeze(1)];
  // Ties are broken by the place.
  const earlier = iota(pairs, 2).lt(iota(pairs, 1)).logicalAnd(other.eq(own));
  const rank = other.lt(own).logicalOr(earlier).sum(2);
  const kept = iota([n, keep, length], 1)
    .eq(rank.unsqueeze(1))
    .cast('i32')
    .mul(iota([n, keep, length], 2))
    .sum(2);
  return { kept, rank, mask: rank.ge(keep).cast('f32') };
}

/** The rows of x [N, L, D] at the places [N, K]: [N, K, D]. */
const takeTokens = (x: Tensor, places: Tensor): Tensor => {
  const [n, count] = sizesOf(places, 2, 'MaskedAutoencoder', 'places [N, K]');
  const [, , width] = sizesOf(x, 3, 'MaskedAutoencoder', 'tokens [N, L, D]');
  return x.takeAlongAxis(1, places.unsqueeze(2).expand([n, count, width]));
};

/**
 * A masked autoencoder (He et al. 2022), with the names of its authors' code: the encoder sees a quarter of the patches, and a small
 * decoder predicts the pixels of the others. Positions are fixed sines and cosines, in both halves.
 */
export class MaskedAutoencoder extends Module implements LayeredModel {
  readonly imageSize: readonly [number, number];
  readonly patchSize: readonly [number, number];
  readonly grid: Grid;
  readonly kept: number;
  readonly normalizePixels: boolean;
  readonly patch_embed: PatchEmbed;
  readonly cls_token: Parameter;
  readonly positions: SinusoidalGridPositions;
  readonly blocks: readonly EncoderBlock[];
  readonly norm: LayerNorm;
  readonly decoder_embed: Linear;
  readonly mask_token: Parameter;
  readonly decoderPositions: SinusoidalGridPositions;
  readonly decoder_blocks: readonly EncoderBlock[];
  readonly decoder_norm: LayerNorm;
  readonly decoder_pred: Linear;

  constructor(options: MaskedAutoencoderOptions) {
    super();
    const { width, depth, heads, decoderWidth, decoderDepth, decoderHeads } = options;
    const { inChannels = 3, mlpRatio = 4, maskRatio = 0.75, normalizePixels = true } = options;
    if (!(maskRatio >= 0 && maskRatio < 1))
      throw new RangeError(`MaskedAutoencoder: maskRatio must be in [0, 1), got ${maskRatio}`);
    this.imageSize = F.pair(options.imageSize);
    this.patchSize = F.pair(options.patchSize);
    this.grid = gridOf('MaskedAutoencoder', this.imageSize, this.patchSize);
    const count = this.grid[0] * this.grid[1];
    this.kept = Math.trunc(count * (1 - maskRatio));
    if (this.kept < 1)
      throw new RangeError(`MaskedAutoencoder: maskRatio ${maskRatio} leaves no visible patch of ${count}`);
    this.normalizePixels = normalizePixels;
    const initializer = init.xavierUniform();
    const positions = (of: number): SinusoidalGridPositions =>
      new SinusoidalGridPositions({ width: of, grid: this.grid, prefix: 1, headWidth: 0, interpolation: {} });
    const blocks = (of: number, count: number, heads: number): EncoderBlock[] =>
      Array.from({ length: count }, () => new EncoderBlock(of, heads, { mlpRatio, initializer }));
    const [h, w] = this.patchSize;
    const pixels = h * w * inChannels;

    this.patch_embed = new PatchEmbed(width, this.patchSize, { inChannels });
    // Fans are those of a linear layer over the flattened patch.
    this.patch_embed.proj.weight.initialize((shape) => initializer([width, pixels]).reshape(shape));
    this.cls_token = new Parameter(init.normal({ std: 0.02 })([1, 1, width]));
    this.positions = positions(width);
    this.blocks = blocks(width, depth, heads);
    this.norm = new LayerNorm(width, { eps: vitNormEps });
    this.decoder_embed = startedLinear(width, decoderWidth, { initializer });
    this.mask_token = new Parameter(init.normal({ std: 0.02 })([1, 1, decoderWidth]));
    this.decoderPositions = positions(decoderWidth);
    this.decoder_blocks = blocks(decoderWidth, decoderDepth, decoderHeads);
    this.decoder_norm = new LayerNorm(decoderWidth, { eps: vitNormEps });
    this.decoder_pred = startedLinear(decoderWidth, pixels, { initializer });
  }

  /** The buffers are called `pos_embed` and `decoder_pos_embed`. */
  override *members(): ReturnType<Module['members']> {
    for (const [name, member] of super.members())
      if (name === 'positions') yield ['pos_embed', this.positions.pos_embed];
      else if (name === 'decoderPositions') yield ['decoder_pos_embed', this.decoderPositions.pos_embed];
      else yield [name, member];
  }

  /** The layers of the encoder; the decoder comes after them. */
  groupMatcher(): GroupMatcher {
    return { stem: /^(cls_token|patch_embed)\b/, blocks: [/^blocks\.(\d+)/], end: /^norm\b/ };
  }

  /**
   * The loss of one batch.
   *
   * @param images [N, C, H, W]
   * @param noise [N, L], the random numbers that choose the patches. Default: newly drawn ones
   */
  forward(images: Tensor, noise?: Tensor): Tensor {
    const { prediction, mask } = this.reconstruct(images, noise);
    return this.loss(images, prediction, mask);
  }

  /** The predicted patches [N, L, h w C] (see `target`), and f32 [N, L]: 1 for the hidden ones. */
  reconstruct(images: Tensor, noise?: Tensor): { prediction: Tensor; mask: Tensor } {
    const { latent, rank, mask } = this.encode(images, noise);
    return { prediction: this.decode(latent, rank), mask };
  }

  /** [N, C, H, W] to [N, 1 + kept, width], class token first. */
  encode(images: Tensor, noise?: Tensor): { latent: Tensor } & Masking {
    const { tokens } = this.patch_embed.embed(images);
    const [n, length, width] = sizesOf(tokens, 3, 'MaskedAutoencoder', 'tokens [N, L, width]');
    if (length !== this.grid[0] * this.grid[1])
      throw new RangeError(
        `MaskedAutoencoder: needs images [N, C, ${this.imageSize.join(', ')}], got ${formatShape(images.shape)}`,
      );
    const masking = maskByNoise(noise ?? rand([n, length]), this.kept);
    const positions = this.positions.pos_embed;
    const seen = takeTokens(tokens.add(positions.slice(1, 1)), masking.kept);
    const first = this.cls_token.add(positions.slice(1, 0, 1)).expand([n, 1, width]);
    const latent = this.blocks.reduce((x, block) => block.forward(x), concat([first, seen], 1));
    return { latent: this.norm.forward(latent), ...masking };
  }

  /** [N, 1 + kept, width] to predicted patches [N, L, h w C]: mask tokens take the places of the hidden ones. */
  decode(latent: Tensor, rank: Tensor): Tensor {
    const x = this.decoder_embed.forward(latent);
    const [n, length] = sizesOf(rank, 2, 'MaskedAutoencoder', 'ranks [N, L]');
    const [, , width] = sizesOf(x, 3, 'MaskedAutoencoder', 'tokens [N, 1 + kept, width]');
    const hidden = this.mask_token.expand([n, length - this.kept, width]);
    const inOrder = takeTokens(concat([x.slice(1, 1), hidden], 1), rank);
    const placed = concat([x.slice(1, 0, 1), inOrder], 1).add(this.decoderPositions.pos_embed);
    const decoded = this.decoder_blocks.reduce((y, block) => block.forward(y), placed);
    return this.decoder_pred.forward(this.decoder_norm.forward(decoded)).slice(1, 1);
  }

  /** The target of the prediction: patches [N, L, h w C] (channels last); with `normalizePixels`, each normalized on its own. */
  target(images: Tensor): Tensor {
    const patches = F.patchify(images, this.patchSize, { order: 'channels-last' });
    if (!this.normalizePixels) return patches;
    const deviation = patches.variance(-1, { keepdim: true }).add(1e-6).sqrt();
    return patches.sub(patches.mean(-1, true)).div(deviation);
  }

  /** The mean square error over the hidden patches only (He et al. 2022, section 3). */
  loss(images: Tensor, prediction: Tensor, mask: Tensor): Tensor {
    const errors = prediction.sub(this.target(images)).square().mean(-1);
    return where(mask, errors, 0).sum().div(mask.sum());
  }
}
