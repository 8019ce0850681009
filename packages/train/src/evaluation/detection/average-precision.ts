/** COCO's measures of detection: average precision and recall (pycocotools, `cocoeval.py`), exactly as it computes them. */
import { type AreaRange, type Detection, ImageClass, type Matches, type TrueObject } from './matching.ts';

/** An image with what is in it and what a model found. */
export interface DetectedImage {
  readonly truths: readonly TrueObject[];
  readonly found: readonly Detection[];
}

/** Shares from 0 to 1; null where no object counts. */
export interface DetectionMeasures {
  /** Mean over the classes and over IoU 0.5, 0.55 ... 0.95. */
  readonly averagePrecision: number | null;
  readonly averagePrecision50: number | null;
  readonly averagePrecision75: number | null;
  /** Of objects up to 32 x 32 pixels, up to 96 x 96, and larger ones. */
  readonly averagePrecisionSmall: number | null;
  readonly averagePrecisionMedium: number | null;
  readonly averagePrecisionLarge: number | null;
  /** Recall with at most 1, 10 and 100 detections of a class in an image. */
  readonly averageRecall1: number | null;
  readonly averageRecall10: number | null;
  readonly averageRecall100: number | null;
  readonly averageRecallSmall: number | null;
  readonly averageRecallMedium: number | null;
  readonly averageRecallLarge: number | null;
  /** Recall at IoU 0.5 with at most 100 detections. */
  readonly found: number | null;
}

/** The scores of one class. */
export interface ClassPrecision {
  readonly averagePrecision: number | null;
  readonly averagePrecision50: number | null;
  /** The number of objects that count. */
  readonly objects: number;
}

export interface DetectionScores {
  readonly measures: DetectionMeasures;
  readonly perClass: readonly ClassPrecision[];
}

/** As `numpy.linspace` makes them; the last bits decide about overlaps that are just enough. */
const thresholds = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.8999999999999999, 0.95];
const recallLevels = Array.from({ length: 101 }, (_, k) => k * 0.01);

const ranges = {
  all: [0, 1e10],
  small: [0, 32 ** 2],
  medium: [32 ** 2, 96 ** 2],
  large: [96 ** 2, 1e10],
} as const satisfies Record<string, AreaRange>;

type RangeName = keyof typeof ranges;

/** Of a class in an image at most this many detections count. */
export const mostDetections = 100;

/** Precision and recall of a class at each threshold; null where it has no objects that count. */
type Curve = { readonly precision: number; readonly recall: number } | null;

/** The mean precision over the levels of recall, and the recall that is reached. */
function curvesOf(images: readonly Matches[], most: number): Curve[] {
  const objects = images.reduce((sum, each) => sum + each.objects, 0);
  if (objects === 0) return thresholds.map(() => null);
  const all = images.flatMap(({ scores }, image) =>
    scores.slice(0, most).map((score, place) => ({ score, image, place })),
  );
  all.sort((a, b) => b.score - a.score);
  return thresholds.map((_, t) => {
    const precisions: number[] = [];
    const recalls: number[] = [];
    let [right, wrong] = [0, 0];
    for (const { image, place } of all) {
      const verdict = images[image]?.verdicts[t]?.[place] ?? -1;
      if (verdict === 1) right++;
      else if (verdict === 0) wrong++;
      recalls.push(right / objects);
      precisions.push(right / (right + wrong + Number.EPSILON));
    }
    for (let k = precisions.length - 1; k > 0; k--)
      precisions[k - 1] = Math.max(precisions[k - 1] as number, precisions[k] as number);
    let [at, sum] = [0, 0];
    for (const level of recallLevels) {
      while (at < recalls.length && (recalls[at] as number) < level) at++;
      sum += precisions[at] ?? 0;
    }
    return { precision: sum / recallLevels.length, recall: recalls.at(-1) ?? 0 };
  });
}

const meanOf = (values: readonly (number | undefined)[]): number | null => {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
};

/** The measures of a model on images. @param classes the number of classes */
export function detectionScores(images: readonly DetectedImage[], classes: number): DetectionScores {
  const perClass = Array.from({ length: classes }, (_, label) => {
    const own = images.flatMap(({ truths, found }) => {
      const [objects, detections] = [truths, found].map((list) => list.filter((each) => each.label === label));
      return objects?.length === 0 && detections?.length === 0
        ? []
        : [new ImageClass((detections ?? []) as Detection[], (objects ?? []) as TrueObject[], mostDetections)];
    });
    const matches = (range: RangeName): Matches[] => own.map((each) => each.match(thresholds, ranges[range]));
    const all = matches('all');
    const of = (range: RangeName): Curve[] => curvesOf(matches(range), mostDetections);
    return {
      objects: all.reduce((sum, each) => sum + each.objects, 0),
      all: curvesOf(all, mostDetections),
      few: { 1: curvesOf(all, 1), 10: curvesOf(all, 10) },
      small: of('small'),
      medium: of('medium'),
      large: of('large'),
    };
  });
  type Of = (each: (typeof perClass)[number]) => readonly Curve[];
  const precision = (of: Of): number | null => meanOf(perClass.flatMap((each) => of(each).map((c) => c?.precision)));
  const recall = (of: Of): number | null => meanOf(perClass.flatMap((each) => of(each).map((c) => c?.recall)));
  return {
    measures: {
      averagePrecision: precision(({ all }) => all),
      averagePrecision50: precision(({ all }) => all.slice(0, 1)),
      averagePrecision75: precision(({ all }) => all.slice(5, 6)),
      averagePrecisionSmall: precision(({ small }) => small),
      averagePrecisionMedium: precision(({ medium }) => medium),
      averagePrecisionLarge: precision(({ large }) => large),
      averageRecall1: recall(({ few }) => few[1]),
      averageRecall10: recall(({ few }) => few[10]),
      averageRecall100: recall(({ all }) => all),
      averageRecallSmall: recall(({ small }) => small),
      averageRecallMedium: recall(({ medium }) => medium),
      averageRecallLarge: recall(({ large }) => large),
      found: recall(({ all }) => all.slice(0, 1)),
    },
    perClass: perClass.map(({ objects, all }) => ({
      objects,
      averagePrecision: meanOf(all.map((curve) => curve?.precision)),
      averagePrecision50: all[0]?.precision ?? null,
    })),
  };
}
