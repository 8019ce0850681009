/** From images to tokens of patches. */
import { Conv2d, functional as F, LayerNorm, type Linear, Module, sizesOf } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { type Grid, gridOf } from '../tower/grid.ts';
import { startedLinear } from './initialize.ts';

export interface PatchEmbedOptions {
  readonly inChannels?: number;
  /** A LayerNorm of each token follows (Swin). */
  readonly norm?: boolean;
}

/** The tokens of an image, row by row, and their grid. */
export interface Patches {
  /** [N, rows * columns, width] */
  readonly tokens: Tensor;
  readonly grid: Grid;
}

/**
 * Patches to tokens by a convolution whose stride is its window, with timm's names: `proj.weight` [width, C, h, w], `proj.bias`
 * [width]. [N, C, H, W] to [N, (H / h) (W / w), width] (Dosovitskiy et al. 2021, equation 1).
 */
export class PatchEmbed extends Module {
  readonly patchSize: readonly [number, number];
  readonly proj: Conv2d;
  readonly norm: LayerNorm | null;

  constructor(width: number, patchSize: F.Pair, { inChannels = 3, norm = false }: PatchEmbedOptions = {}) {
    super();
    this.patchSize = F.pair(patchSize);
    this.proj = new Conv2d(inChannels, width, this.patchSize, { stride: this.patchSize });
    this.norm = norm ? new LayerNorm(width) : null;
  }

  forward(images: Tensor): Tensor {
    return this.embed(images).tokens;
  }

  embed(images: Tensor): Patches {
    const grid = patchGrid(images, this.patchSize);
    const tokens = this.proj.forward(images).flatten(2).transpose(1, 2);
    return { tokens: this.norm === null ? tokens : this.norm.forward(tokens), grid };
  }
}

/**
 * The same map as in equation 1: patches are flattened (channels first), then a linear layer follows. `proj.weight` [width, C h w] is
 * PatchEmbed's, reshaped.
 */
export class LinearPatchEmbed extends Module {
  readonly patchSize: readonly [number, number];
  readonly proj: Linear;
  readonly norm: LayerNorm | null;

  constructor(width: number, patchSize: F.Pair, { inChannels = 3, norm = false }: PatchEmbedOptions = {}) {
    super();
    this.patchSize = F.pair(patchSize);
    const [h, w] = this.patchSize;
    this.proj = startedLinear(inChannels * h * w, width);
    this.norm = norm ? new LayerNorm(width) : null;
  }

  forward(images: Tensor): Tensor {
    return this.embed(images).tokens;
  }

  embed(images: Tensor): Patches {
    const grid = patchGrid(images, this.patchSize);
    const tokens = this.proj.forward(F.patchify(images, this.patchSize));
    return { tokens: this.norm === null ? tokens : this.norm.forward(tokens), grid };
  }
}

function patchGrid(images: Tensor, patchSize: readonly [number, number]): Grid {
  const [, , height, width] = sizesOf(images, 4, 'PatchEmbed', 'images [N, C, H, W]');
  return gridOf('PatchEmbed', [height, width], patchSize);
}
