/** Non-maximum suppression: of boxes that overlap much, only the one with the highest score is kept. */

/** `boxes` as four lists, in f32 as torchvision computes with them. @throws where boxes and scores do not fit each other */
function checkBoxes(op: string, boxes: ArrayLike<number>, scores: ArrayLike<number>): Float32Array {
  if (boxes.length !== 4 * scores.length)
    throw new RangeError(
      `${op}: ${boxes.length} numbers of boxes for ${scores.length} scores: expected four for each box`,
    );
  return boxes instanceof Float32Array ? boxes : Float32Array.from(boxes);
}

/** Places in descending order of their scores; equal scores stay in order. */
const bySize = (scores: ArrayLike<number>, places: Iterable<number>): number[] =>
  [...places].sort((a, b) => (scores[b] as number) - (scores[a] as number));

const { fround, max, min } = Math;

/** The places of `order` that are kept, in this order. */
function kept(boxes: Float32Array, order: readonly number[], iouThreshold: number): number[] {
  const side = (k: number, which: 0 | 1 | 2 | 3): number => boxes[4 * k + which] as number;
  const area = (k: number): number => fround(fround(side(k, 2) - side(k, 0)) * fround(side(k, 3) - side(k, 1)));
  const areas = order.map(area);
  const suppressed = new Uint8Array(order.length);
  return order.filter((i, first) => {
    if (suppressed[first] === 1) return false;
    const own = areas[first] as number;
    for (let second = first + 1; second < order.length; second++) {
      if (suppressed[second] === 1) continue;
      const j = order[second] as number;
      const width = max(0, fround(min(side(i, 2), side(j, 2)) - max(side(i, 0), side(j, 0))));
      const height = max(0, fround(min(side(i, 3), side(j, 3)) - max(side(i, 1), side(j, 1))));
      const meet = fround(width * height);
      // 0 / 0, of two boxes without area, is not above any threshold.
      if (fround(meet / fround(fround(own + (areas[second] as number)) - meet)) > iouThreshold) suppressed[second] = 1;
    }
    return true;
  });
}

/**
 * Non-maximum suppression, with the results of `torchvision.ops.nms`: boxes in descending order of their scores, without those whose
 * intersection over union with one that is kept is above the threshold.
 *
 * @param boxes row-major [N, 4]: left, top, right, bottom; computed in f32
 * @param scores [N]
 * @param iouThreshold from 0 to 1
 * @returns the places of the boxes that are kept, the highest score first; of equal scores the first box first
 * @throws where there are not four numbers for each score
 */
export function nms(boxes: ArrayLike<number>, scores: ArrayLike<number>, iouThreshold: number): number[] {
  const sides = checkBoxes('nms', boxes, scores);
  return kept(sides, bySize(scores, Array(scores.length).keys()), iouThreshold);
}

/**
 * Non-maximum suppression of each class by itself, with the results of `torchvision.ops.batched_nms`: boxes of different classes do not
 * suppress each other.
 *
 * @param classes [N]
 * @returns like `nms`, of all classes together
 */
export function batchedNms(
  boxes: ArrayLike<number>,
  scores: ArrayLike<number>,
  classes: ArrayLike<number>,
  iouThreshold: number,
): number[] {
  const sides = checkBoxes('batchedNms', boxes, scores);
  if (classes.length !== scores.length)
    throw new RangeError(`batchedNms: ${classes.length} classes for ${scores.length} scores: expected one for each`);
  const groups = new Map<number, number[]>();
  for (let k = 0; k < classes.length; k++) {
    const label = classes[k] as number;
    const group = groups.get(label);
    if (group === undefined) groups.set(label, [k]);
    else group.push(k);
  }
  const all = [...groups.values()].flatMap((group) => kept(sides, bySize(scores, group), iouThreshold));
  return bySize(
    scores,
    all.sort((a, b) => a - b),
  );
}
