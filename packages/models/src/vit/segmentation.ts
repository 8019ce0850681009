/** Semantic segmentation on a Vision Transformer. */
import { functional as F, type Linear, Module, sizesOf } from '@tessera/nn';
import { concat, formatShape, type Tensor } from '@tessera/tensor';
import { startedLinear } from '../blocks/initialize.ts';
import { type Grid, gridOf } from '../tower/grid.ts';
import type { ViT } from './vit.ts';

/**
 * Classes for each patch by a linear layer, upsampled to the image's size (Strudel et al. 2021, Segmenter, section 3.2, linear
 * decoder).
 */
export class SegmentationHead extends Module {
  readonly head: Linear;

  constructor(width: number, classes: number) {
    super();
    this.head = startedLinear(width, classes);
  }

  /**
   * @param patches [N, rows * columns, width], without class token
   * @param size of the result, in pixels: [height, width]
   * @returns logits [N, classes, height, width]
   */
  forward(patches: Tensor, grid: Grid, size: readonly [number, number]): Tensor {
    if (patches.ndim !== 3 || patches.shape[1] !== grid[0] * grid[1])
      throw new RangeError(
        `SegmentationHead: patches ${formatShape(patches.shape)} do not fit a grid of ${grid.join(' x ')}: class token left in?`,
      );
    const logits = this.head.forward(patches).transpose(1, 2).unflatten(2, grid);
    return F.interpolate(logits, size, { mode: 'bilinear' });
  }
}

export interface SegmentationLossOptions {
  /**
   * The label of pixels that do not count: 255 in the masks of Pascal VOC, Cityscapes and ADE20K. null: all pixels count. Default: -100, as
   * in `crossEntropy`.
   */
  readonly ignoreIndex?: number | null;
}

/**
 * The mean cross-entropy over the pixels that count.
 *
 * @param logits [N, classes, H, W]
 * @param labels i32 or u8 [N, H, W]: classes, or `ignoreIndex` at pixels that do not count
 */
export function segmentationLoss(
  logits: Tensor,
  labels: Tensor,
  { ignoreIndex }: SegmentationLossOptions = {},
): Tensor {
  const [, classes] = sizesOf(logits, 4, 'segmentationLoss', 'logits [N, classes, H, W]');
  return F.crossEntropy(logits.permute(0, 2, 3, 1).reshape([-1, classes]), labels.flatten(), {
    ...(ignoreIndex === undefined ? {} : { ignoreIndex }),
  });
}

export interface ViTSegmenterOptions {
  /** Blocks whose tokens are joined: middle ones for details, the last ones for meaning. Default: only the last one. */
  readonly layers?: readonly number[];
}

/** A ViT with a segmentation head on the patches of one or several layers. */
export class ViTSegmenter extends Module {
  readonly backbone: ViT;
  readonly decoder: SegmentationHead;
  readonly #layers: readonly number[];

  /** @param backbone a ViT without a head of its own (classes: 0) */
  constructor(backbone: ViT, classes: number, { layers = [-1] }: ViTSegmenterOptions = {}) {
    super();
    this.backbone = backbone;
    this.#layers = layers;
    this.decoder = new SegmentationHead(layers.length * backbone.width, classes);
  }

  /** [N, C, H, W] to logits [N, classes, H, W]. */
  forward(images: Tensor): Tensor {
    const [, , height, width] = sizesOf(images, 4, 'ViTSegmenter', 'images [N, C, H, W]');
    const features = this.backbone.features(images, this.#layers);
    const patches = concat(
      features.map(({ tokens, prefix }) => tokens.slice(1, prefix)),
      2,
    );
    const grid = gridOf('ViTSegmenter', [height, width], this.backbone.patchSize);
    return this.decoder.forward(patches, grid, [height, width]);
  }
}
