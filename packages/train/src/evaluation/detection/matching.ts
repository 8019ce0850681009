/** Which detections are objects: the matching of COCO's evaluation (pycocotools, `cocoeval.py`, `evaluateImg`). */

/** [x, y, width, height], in pixels. */
export type Box = readonly [x: number, y: number, width: number, height: number];

/** An object of an image. */
export interface TrueObject {
  readonly label: number;
  readonly box: Box;
  /** In pixels: of its outline, or of its box. */
  readonly area: number;
  /** A group of objects in one box: any number of detections in it do not count. */
  readonly crowd: boolean;
  /** An object that need not be found: any number of detections of it do not count. */
  readonly difficult: boolean;
}

/** A box that a model predicts. */
export interface Detection {
  readonly label: number;
  readonly box: Box;
  /** How sure the model is; only the order matters. */
  readonly score: number;
}

const areaOf = ([, , width, height]: Box): number => width * height;

/** Intersection over union; of a crowd, the share of the detection that is within it. */
function overlapOf(found: Box, truth: Box, crowd: boolean): number {
  const width = Math.min(found[0] + found[2], truth[0] + truth[2]) - Math.max(found[0], truth[0]);
  const height = Math.min(found[1] + found[3], truth[1] + truth[3]) - Math.max(found[1], truth[1]);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / (crowd ? areaOf(found) : areaOf(found) + areaOf(truth) - shared);
}

/** Objects of these areas count, in pixels, bounds included. */
export type AreaRange = readonly [least: number, most: number];

/** What the detections of one class in one image are, in descending order of their scores. */
export interface Matches {
  readonly scores: readonly number[];
  /** For each threshold, for each detection: 1 where it is an object, 0 where it is none, -1 where it does not count. */
  readonly verdicts: readonly Int8Array[];
  /** The number of objects that count. */
  readonly objects: number;
}

/** Detections and objects of one class in one image, with their overlaps, which all ranges of areas share. */
export class ImageClass {
  readonly #found: readonly Detection[];
  readonly #truths: readonly TrueObject[];
  readonly #overlaps: readonly Float64Array[];

  /** @param most of the detections, the best first */
  constructor(found: readonly Detection[], truths: readonly TrueObject[], most: number) {
    // Sorting is stable, as pycocotools' is.
    this.#found = [...found].sort((a, b) => b.score - a.score).slice(0, most);
    this.#truths = truths;
    this.#overlaps = this.#found.map(({ box }) =>
      Float64Array.from(truths, (truth) => overlapOf(box, truth.box, truth.crowd)),
    );
  }

  match(thresholds: readonly number[], [least, most]: AreaRange): Matches {
    const outside = (area: number): boolean => area < least || area > most;
    const ignored = this.#truths.map(({ crowd, difficult, area }) => crowd || difficult || outside(area));
    const order = [...ignored.keys()].sort((a, b) => Number(ignored[a]) - Number(ignored[b]));
    return {
      scores: this.#found.map(({ score }) => score),
      objects: ignored.filter((each) => !each).length,
      verdicts: thresholds.map((threshold) => {
        const taken = new Uint8Array(ignored.length);
        return Int8Array.from(this.#found, ({ box }, d) => {
          const g = this.#best(d, threshold, order, ignored, taken);
          if (g === null) return outside(areaOf(box)) ? -1 : 0;
          taken[g] = 1;
          return ignored[g] === true ? -1 : 1;
        });
      }),
    };
  }

  /** The object with the largest overlap that is still free, those that count before the others. */
  #best(
    d: number,
    threshold: number,
    order: readonly number[],
    ignored: readonly boolean[],
    taken: Uint8Array,
  ): number | null {
    let best: number | null = null;
    let largest = Math.min(threshold, 1 - 1e-10);
    for (const g of order) {
      const truth = this.#truths[g];
      if (taken[g] === 1 && truth?.crowd === false && truth.difficult === false) continue;
      if (best !== null && ignored[best] === false && ignored[g] === true) break;
      const overlap = this.#overlaps[d]?.[g] ?? 0;
      if (overlap < largest) continue;
      largest = overlap;
      best = g;
    }
    return best;
  }
}
