/** A Vision Transformer for packed images of any size. */
import {
  functional as F,
  init,
  LayerNorm,
  type Linear,
  Module,
  MultiheadAttention,
  Parameter,
  sizesOf,
} from '@tessera/nn';
import { einsum, formatShape, iota, type Tensor, tensor } from '@tessera/tensor';
import { EncoderBlock, vitNormEps } from '../blocks/encoder-block.ts';
import { type FloatDType, floatDType } from '../blocks/float-dtype.ts';
import { smallNormal, startedLinear } from '../blocks/initialize.ts';
import type { GroupMatcher, LayeredModel } from '../tower/parameter-layers.ts';
import { blockMask, type PackedImages, type PackOptions, packImages } from './packing.ts';

export interface NaViTOptions {
  readonly patchSize: number;
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  /** The largest number of rows and of columns of patches in an image: the length of each table of positions. */
  readonly maxGrid: number;
  /** 0: no head; `forward` then returns the features. */
  readonly classes?: number;
  readonly inChannels?: number;
  readonly mlpRatio?: number;
  /** `factorized`: trained vectors of row and column, summed (section 2.2). `rotary`: 2D rotary positions in every block. */
  readonly positions?: 'factorized' | 'rotary';
  /** `attention`: a trained query attends to each image's tokens. `mean`: their mean. */
  readonly pool?: 'attention' | 'mean';
  readonly dropout?: number;
  readonly dropPath?: number;
}

/** The input of a packed model; `packImages` makes it. */
export type PackedBatch = Pick<PackedImages, 'patches' | 'image' | 'row' | 'column'>;

/** The output of NaViT's front half, and the input of its back half. */
export interface PackedTokens extends Pick<PackedImages, 'image' | 'row' | 'column'> {
  /** [S, T, width] */
  readonly tokens: Tensor;
}

/**
 * A Vision Transformer for images of any size and ratio (Dehghani et al. 2023, "Patch n' Pack: NaViT"): several images share a
 * sequence, attention stays within each image, positions are factorized into row and column, and each image is pooled on its own.
 */
export class NaViT extends Module implements LayeredModel {
  readonly patchSize: number;
  readonly width: number;
  readonly maxGrid: number;
  readonly outputDim: number;
  readonly numHeads: number;
  readonly patch_embed: Linear;
  readonly row_embed: Parameter | null;
  readonly col_embed: Parameter | null;
  readonly blocks: readonly EncoderBlock[];
  readonly norm: LayerNorm;
  readonly pool_query: Parameter | null;
  readonly attn_pool: MultiheadAttention | null;
  readonly head: Linear | null;

  constructor(options: NaViTOptions) {
    super();
    const { patchSize, width, depth, heads, maxGrid, classes = 0, inChannels = 3 } = options;
    const { mlpRatio = 4, positions = 'factorized', pool = 'attention', dropout = 0, dropPath = 0 } = options;
    const factorized = positions === 'factorized';
    this.patchSize = patchSize;
    this.width = width;
    this.maxGrid = maxGrid;
    this.numHeads = heads;
    this.outputDim = classes > 0 ? classes : width;
    this.patch_embed = startedLinear(inChannels * patchSize * patchSize, width);
    this.row_embed = factorized ? new Parameter(smallNormal([maxGrid, width])) : null;
    this.col_embed = factorized ? new Parameter(smallNormal([maxGrid, width])) : null;
    this.blocks = Array.from({ length: depth }, (_, layer) => {
      const rate = depth === 1 ? dropPath : (dropPath * layer) / (depth - 1);
      return new EncoderBlock(width, heads, { mlpRatio, dropout, dropPath: rate });
    });
    this.norm = new LayerNorm(width, { eps: vitNormEps });
    const attention = pool === 'attention';
    this.pool_query = attention ? new Parameter(init.normal({ std: 0.02 })([1, 1, width])) : null;
    this.attn_pool = attention ? new MultiheadAttention(width, heads, { batchFirst: true }) : null;
    this.head = classes > 0 ? startedLinear(width, classes) : null;
  }

  groupMatcher(): GroupMatcher {
    return { stem: /^(patch_embed|row_embed|col_embed)\b/, blocks: [/^blocks\.(\d+)/], end: /^norm\b/ };
  }

  /**
   * Packs images for this model.
   *
   * @param images [C, H, W] each, floating point
   * @throws RangeError for an image with more rows or columns of patches than there are positions
   */
  pack(images: readonly Tensor[], options: Omit<PackOptions, 'patchSize'>): PackedImages {
    const packed = packImages(images, { ...options, patchSize: this.patchSize });
    const beyond = packed.grids.findIndex((grid) => this.row_embed !== null && Math.max(...grid) > this.maxGrid);
    if (beyond >= 0)
      throw new RangeError(
        `NaViT: image ${beyond} has ${packed.grids[beyond]?.join(' x ')} patches; there are positions for ${this.maxGrid} rows and columns`,
      );
    return packed;
  }

  /**
   * @param batch the result of `pack`
   * @param slots the largest number of images in a sequence
   * @returns [S, slots, classes], or features [S, slots, width] without a head. Slots without an image have no meaning;
   *   `unpackFeatures` selects the others.
   */
  forward(batch: PackedBatch, slots: number): Tensor {
    return this.forwardTokens(this.embed(batch), slots);
  }

  /** The front half: [S, T, C p p] to tokens [S, T, width], with their positions added. */
  embed({ patches, image, row, column }: PackedBatch): PackedTokens {
    const expected = this.patch_embed.inFeatures;
    if (patches.ndim !== 3 || patches.shape[2] !== expected || !alike(patches, image, row, column))
      throw new RangeError(
        `NaViT: patches ${formatShape(patches.shape)} must be [S, T, ${expected}], and image, row and column [S, T]`,
      );
    return { tokens: this.#addPositions(this.patch_embed.forward(patches), row, column), image, row, column };
  }

  /** The back half: from the output of `embed`, from this process or another one, to the result of `forward`. */
  forwardTokens(packed: PackedTokens, slots: number): Tensor {
    const pooled = this.pool(this.#encode(packed), packed.image, slots);
    return this.head === null ? pooled : this.head.forward(pooled);
  }

  /** [S, T, C p p] to tokens [S, T, width] after the last norm. */
  encode(batch: PackedBatch): Tensor {
    return this.#encode(this.embed(batch));
  }

  #encode({ tokens, image, row, column }: PackedTokens): Tensor {
    if (tokens.ndim !== 3 || tokens.shape[2] !== this.width || !alike(tokens, image, row, column))
      throw new RangeError(
        `NaViT: tokens ${formatShape(tokens.shape)} must be [S, T, ${this.width}], and image, row and column [S, T]`,
      );
    const rotary = this.row_embed === null ? this.#angles(row, column, floatDType(tokens)) : null;
    const mask = blockMask(image);
    return this.norm.forward(this.blocks.reduce((x, block) => block.forward(x, { mask, rotary }), tokens));
  }

  #addPositions(tokens: Tensor, row: Tensor, column: Tensor): Tensor {
    if (this.row_embed === null || this.col_embed === null) return tokens;
    return tokens.add(this.row_embed.indexSelect(0, row)).add(this.col_embed.indexSelect(0, column));
  }

  /** [S, 1, T, head width / 2] */
  #angles(row: Tensor, column: Tensor, dtype: FloatDType): Tensor {
    return F.rotaryAngles2d(row.cast(dtype), column.cast(dtype), this.width / this.numHeads).unsqueeze(1);
  }

  /**
   * One vector for each image: tokens [S, T, width] to [S, slots, width].
   *
   * @param image i32 [S, T]
   */
  pool(tokens: Tensor, image: Tensor, slots: number): Tensor {
    const [s, t] = sizesOf(image, 2, 'NaViT', 'images [S, T]');
    const owns = iota([s, slots, t], 1).eq(image.unsqueeze(1)); // [S, slots, T]
    if (this.pool_query === null || this.attn_pool === null) {
      const share = owns.cast(tokens.dtype);
      return einsum('skt,std->skd', share, tokens).div(share.sum(2, true).maximum(1));
    }
    // An empty slot sees everything, so that the sum in its softmax is not 0.
    const hidden = owns.logicalNot().logicalAnd(owns.any(2, true)).unsqueeze(1);
    const query = this.pool_query.expand([s, slots, this.width]);
    return this.attn_pool.forward(query, tokens, tokens, {
      attentionMask: hidden.expand([s, this.numHeads, slots, t]),
    });
  }
}

/** Whether each of `places` is [S, T], like the sequence [S, T, ...]. */
const alike = (sequence: Tensor, ...places: readonly Tensor[]): boolean =>
  places.every(({ shape }) => formatShape(shape) === formatShape(sequence.shape.slice(0, 2)));

/** [S, slots, D] to [images, D], in the order of the list that was packed. */
export function unpackFeatures(features: Tensor, { packing }: Pick<PackedImages, 'packing'>): Tensor {
  const [, slots, width] = sizesOf(features, 3, 'unpackFeatures', 'features [S, slots, D]');
  const count = packing.reduce((sum, pieces) => sum + pieces.length, 0);
  const places = new Int32Array(count);
  for (const [s, pieces] of packing.entries())
    for (const [slot, piece] of pieces.entries()) {
      if (slot >= slots)
        throw new RangeError(`unpackFeatures: sequence ${s} has ${pieces.length} images, but there are ${slots} slots`);
      places[piece] = s * slots + slot;
    }
  return features.reshape([-1, width]).indexSelect(0, tensor(places));
}
