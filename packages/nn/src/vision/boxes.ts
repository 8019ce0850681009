/** Boxes in images: their corners, and how much two of them overlap. */
import { formatShape, stack, type Tensor } from '@tessera/tensor';

/** Boxes [..., 4] given as center x, center y, width, height become left, top, right, bottom. */
export function boxCorners(boxes: Tensor): Tensor {
  checkBoxes('boxCorners', boxes);
  const [x, y, w, h] = sides(boxes);
  return stack([x.sub(w.mul(0.5)), y.sub(h.mul(0.5)), x.add(w.mul(0.5)), y.add(h.mul(0.5))], -1);
}

/**
 * Generalized intersection over union of pairs of boxes (Rezatofighi et al. 2019, algorithm 1): IoU - |C - union| / |C|, with C the
 * smallest box around both. The value is between -1 (far apart) and 1 (equal).
 *
 * @param a [..., 4], left, top, right, bottom
 * @param b the same shape
 * @returns [...]
 */
export function generalizedIoU(a: Tensor, b: Tensor): Tensor {
  checkBoxes('generalizedIoU', a);
  checkBoxes('generalizedIoU', b);
  const [p, q] = [sides(a), sides(b)];
  const meet = area([p[0].maximum(q[0]), p[1].maximum(q[1]), p[2].minimum(q[2]), p[3].minimum(q[3])]);
  const hull = area([p[0].minimum(q[0]), p[1].minimum(q[1]), p[2].maximum(q[2]), p[3].maximum(q[3])]);
  const union = area(p).add(area(q)).sub(meet);
  const eps = 1e-7;
  return meet.div(union.maximum(eps)).sub(hull.sub(union).div(hull.maximum(eps)));
}

type Sides = readonly [Tensor, Tensor, Tensor, Tensor];

const sides = (boxes: Tensor): Sides => [
  boxes.select(-1, 0),
  boxes.select(-1, 1),
  boxes.select(-1, 2),
  boxes.select(-1, 3),
];

/** 0 where a box has negative width or height. */
const area = ([left, top, right, bottom]: Sides): Tensor => right.sub(left).relu().mul(bottom.sub(top).relu());

function checkBoxes(op: string, boxes: Tensor): void {
  if (boxes.ndim < 1 || boxes.shape.at(-1) !== 4)
    throw new RangeError(`${op}: boxes must be [..., 4], got ${formatShape(boxes.shape)}`);
}
