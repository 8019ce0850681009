/** Mixup and CutMix of the tensors of a batch, with the arithmetic of timm. How a batch is mixed is a tensor, so that a compiled function serves all. */
import type { MixupDraw } from '@tessera/data';
import { formatShape, iota, type Tensor, tensor, where } from '@tessera/tensor';

/** How many numbers describe how a batch is mixed. */
const length = 8;

/**
 * How a batch is mixed, as a tensor, f32 [8]: the shares of an image's own pixels and of its partner's, the shares of both targets, and
 * the edges of the box (top, bottom, left, right), in which all pixels are the partner's.
 */
export function mixupTensor({ lam, box }: MixupDraw): Tensor {
  const pixels = box === null ? [lam, 1 - lam] : [1, 0];
  const { top, bottom, left, right } = box ?? { top: 0, bottom: 0, left: 0, right: 0 };
  return tensor(Float32Array.of(...pixels, lam, 1 - lam, top, bottom, left, right));
}

/** The numbers of `mixupTensor`, scalars. */
function numbersOf(op: string, mixup: Tensor): (place: number) => Tensor {
  if (mixup.shape.length !== 1 || mixup.shape[0] !== length)
    throw new RangeError(`${op}: mixup must be what mixupTensor returns, [${length}], got ${formatShape(mixup.shape)}`);
  return (place) => mixup.select(0, place);
}

/**
 * Each image mixed with its partner, that of the batch in reverse order: own share x + other share x.flip(0), and the partner's pixels
 * within the box (Zhang et al. 2018; Yun et al. 2019; timm's `Mixup` in the mode `batch`).
 *
 * @param images floating point [N, C, H, W]
 * @param mixup from `mixupTensor`
 */
export function mixImages(images: Tensor, mixup: Tensor): Tensor {
  const number = numbersOf('mixImages', mixup);
  if (images.ndim !== 4) throw new RangeError(`mixImages: needs images [N, C, H, W], got ${formatShape(images.shape)}`);
  const [, , height = 0, width = 0] = images.shape;
  const partners = images.flip(0);
  const blended = images.mul(number(0)).add(partners.mul(number(1)));
  const within = (at: Tensor, from: number, to: number): Tensor => at.ge(number(from)).logicalAnd(at.lt(number(to)));
  const rows = within(iota([1, 1, height, 1], 2).cast('f32'), 4, 5);
  const columns = within(iota([1, 1, 1, width], 3).cast('f32'), 6, 7);
  return where(rows.logicalAnd(columns), partners, blended);
}

/**
 * The targets of mixed images: lam y + (1 - lam) y.flip(0).
 *
 * @param targets f32 [N, classes]: a probability for each class
 * @param mixup from `mixupTensor`
 */
export function mixTargets(targets: Tensor, mixup: Tensor): Tensor {
  const number = numbersOf('mixTargets', mixup);
  if (targets.ndim !== 2)
    throw new RangeError(`mixTargets: needs targets [N, classes], got ${formatShape(targets.shape)}`);
  return targets.mul(number(2)).add(targets.flip(0).mul(number(3)));
}

/**
 * Labels as probabilities, f32 [N, classes], with a share `labelSmoothing` spread evenly over all classes: timm's `one_hot` with
 * on = 1 - s + s / classes and off = s / classes.
 *
 * @param labels i32 [N]
 */
export function smoothedOneHot(labels: Tensor, classes: number, labelSmoothing = 0): Tensor {
  const off = labelSmoothing / classes;
  const [count = 0] = labels.shape;
  return where(iota([count, classes], 1).eq(labels.unsqueeze(1)), 1 - labelSmoothing + off, off).cast('f32');
}
