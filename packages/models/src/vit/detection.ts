/** Object detection on a Vision Transformer. */
import { functional as F, Linear, Module, sizesOf } from '@tessera/nn';
import { formatShape, iota, type Tensor, tensor, where } from '@tessera/tensor';
import { type FloatDType, floatDType } from '../blocks/float-dtype.ts';
import { startedLinear } from '../blocks/initialize.ts';
import type { Grid } from '../tower/grid.ts';
import type { ViT } from './vit.ts';

/** The boxes and classes that a detector predicts, one for each patch. */
export interface Detections {
  /** [N, L, 4]: center x, center y, width, height, in units of the image. */
  readonly boxes: Tensor;
  /** [N, L, classes + 1]: the last class is "nothing". */
  readonly logits: Tensor;
  readonly grid: Grid;
}

/**
 * A box and classes for each patch: DETR's heads (Carion et al. 2020, section 3.2: a linear layer for the classes, an MLP of three
 * layers for the box) on a ViT's patches. As in OWL-ViT (Minderer et al. 2022, section 3.1), a box starts at its patch, and the
 * difference is learned.
 */
export class DetectionHead extends Module {
  readonly classes: number;
  readonly class_embed: Linear;
  readonly bbox_embed: readonly Linear[];

  constructor(width: number, classes: number) {
    super();
    this.classes = classes;
    this.class_embed = startedLinear(width, classes + 1);
    this.bbox_embed = [new Linear(width, width), new Linear(width, width), startedLinear(width, 4)];
  }

  /** @param patches [N, rows * columns, width], without class token */
  forward(patches: Tensor, grid: Grid): Detections {
    if (patches.ndim !== 3 || patches.shape[1] !== grid[0] * grid[1])
      throw new RangeError(
        `DetectionHead: patches ${formatShape(patches.shape)} do not fit a grid of ${grid.join(' x ')}: class token left in?`,
      );
    const last = this.bbox_embed.length - 1;
    const offsets = this.bbox_embed.reduce((x, layer, k) => {
      const y = layer.forward(x);
      return k < last ? y.relu() : y;
    }, patches);
    const boxes = offsets.add(patchBoxLogits(grid, floatDType(offsets))).sigmoid();
    return { boxes, logits: this.class_embed.forward(patches), grid };
  }
}

/** log(p / (1 - p)) of each patch's own box, [rows * columns, 4]; the sigmoid of it is the box. */
function patchBoxLogits([rows, columns]: Grid, dtype: FloatDType): Tensor {
  const logit = (p: number): number => {
    const inside = Math.min(1 - 1e-4, Math.max(1e-4, p));
    return Math.log(inside / (1 - inside));
  };
  const boxes = Array.from({ length: rows * columns }, (_, k) =>
    [((k % columns) + 0.5) / columns, (Math.floor(k / columns) + 0.5) / rows, 1 / columns, 1 / rows].map(logit),
  );
  return tensor(boxes, { dtype });
}

/** The objects of a batch of images, at most T in each. */
export interface DetectionTargets {
  /** [N, T, 4]: center x, center y, width, height, in units of the image. */
  readonly boxes: Tensor;
  /** i32 [N, T]: classes; -1 for no object. */
  readonly labels: Tensor;
}

export interface DetectionLossOptions {
  /** Weight of patches without an object in the mean of cross-entropies. DETR: 0.1. */
  readonly backgroundWeight?: number;
  readonly boxWeight?: number;
  readonly overlapWeight?: number;
}

/**
 * Each object belongs to the patch that contains its center (only the first object if several centers share a patch); the target of the
 * other patches is "nothing". The loss is the sum of the weighted mean of cross-entropies over all patches and, over those with an
 * object, the mean of 5 |b - b'|_1 + 2 (1 - GIoU(b, b')) (weights of Carion et al. 2020, appendix A.4).
 */
export function detectionLoss(
  found: Detections,
  targets: DetectionTargets,
  options: DetectionLossOptions = {},
): Tensor {
  const { backgroundWeight = 0.1, boxWeight = 5, overlapWeight = 2 } = options;
  const { boxes, logits, grid } = found;
  const [n, length] = sizesOf(boxes, 3, 'detectionLoss', 'boxes [N, L, 4]');
  const [, , outputs] = sizesOf(logits, 3, 'detectionLoss', 'logits [N, L, classes + 1]');
  const classes = outputs - 1;
  const { object, owns } = assignObjects(targets, grid);
  const chosen = object.unsqueeze(2).expand([n, length, 4]);
  const target = targets.boxes.takeAlongAxis(1, chosen);
  const labels = where(owns, targets.labels.takeAlongAxis(1, object), classes).cast('i32');

  const entropies = F.crossEntropy(logits.flatten(0, 1), labels.flatten(), { reduction: 'none' }).reshape([n, length]);
  const weights = where(owns, 1, backgroundWeight).cast(logits.dtype);
  const classLoss = entropies.mul(weights).sum().div(weights.sum());

  const away = boxes.sub(target).abs().sum(2);
  const overlap = F.generalizedIoU(F.boxCorners(boxes), F.boxCorners(target));
  const errors = away.mul(boxWeight).add(overlap.neg().add(1).mul(overlapWeight));
  const objects = owns.sum().cast(logits.dtype).maximum(1);
  return classLoss.add(where(owns, errors, 0).sum().div(objects));
}

/** For each patch, [N, L]: the index of its object, i32, and whether it has one. */
function assignObjects({ boxes, labels }: DetectionTargets, [rows, columns]: Grid): { object: Tensor; owns: Tensor } {
  const [n = 0, count = 0] = labels.shape;
  if (boxes.ndim !== 3 || labels.ndim !== 2 || boxes.shape[1] !== count || boxes.shape[2] !== 4)
    throw new RangeError(
      `detectionLoss: boxes ${formatShape(boxes.shape)} and labels ${formatShape(labels.shape)} must be [N, T, 4] and [N, T]`,
    );
  const cell = (axis: number, size: number): Tensor =>
    boxes
      .select(2, axis)
      .mul(size)
      .floor()
      .clamp(0, size - 1)
      .cast('i32');
  const place = cell(1, rows).mul(columns).add(cell(0, columns)); // [N, T]
  const inside = iota([n, rows * columns, count], 1).eq(place.unsqueeze(1));
  const matches = inside.logicalAnd(labels.ge(0).unsqueeze(1)); // [N, L, T]
  return { object: matches.cast('i32').argmax(2), owns: matches.any(2) };
}

/** A ViT with a detection head on the patches of its last layer. */
export class ViTDetector extends Module {
  readonly backbone: ViT;
  readonly head: DetectionHead;

  /** @param backbone a ViT without a head of its own (classes: 0) */
  constructor(backbone: ViT, classes: number) {
    super();
    this.backbone = backbone;
    this.head = new DetectionHead(backbone.width, classes);
  }

  /** [N, C, H, W] to a box and logits for each patch. */
  forward(images: Tensor): Detections {
    const { tokens, prefix, grid } = this.backbone.encode(images);
    return this.head.forward(tokens.slice(1, prefix), grid);
  }
}
