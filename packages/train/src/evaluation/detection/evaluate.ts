/** Evaluation of a model that finds objects: COCO's measures on a split, and examples as pictures. */
import { type ColumnRequest, type RowObjects, type Split, usualColumns } from '@tessera/data';
import type { Module } from '@tessera/nn';
import { compile, type Tensor, tensor, tidy } from '@tessera/tensor';
import { drawBox, type Edges, enlarge, gray, green, orange, type Picture } from '../../report/draw.ts';
import { inEvaluationMode } from '../encoder.ts';
import { type ReadOptions, readExamples, spread } from '../examples.ts';
import { type Example, examplesCard, writeExamples } from '../measures/examples.ts';
import { formatMeasure, type MeasureLook, measuresSection } from '../measures/section.ts';
import { type EvaluationResult, evaluationKind, percentText } from '../result.ts';
import {
  type ClassPrecision,
  type DetectedImage,
  type DetectionMeasures,
  detectionScores,
  mostDetections,
} from './average-precision.ts';
import { precisionCard, precisionNotes } from './classes.ts';
import type { Box, Detection } from './matching.ts';

/** The columns that detection reads. */
export type ObjectColumns = { readonly image: ColumnRequest<'image'>; readonly objects: ColumnRequest<'objects'> };

export const objectColumns: ObjectColumns = { image: usualColumns.image, objects: usualColumns.objects };

/** What a model finds in each image of a batch. */
export type FoundBoxes = {
  /** f32 [B, L, 4]: center x, center y, width, height, in shares of the image */
  readonly boxes: Tensor;
  /** f32 [B, L] */
  readonly scores: Tensor;
  /** i32 [B, L] */
  readonly labels: Tensor;
};

export interface DetectionResult extends EvaluationResult {
  readonly count: number;
  readonly classNames: readonly string[];
  readonly perClass: readonly ClassPrecision[];
  readonly examples: readonly Example[];
}

const looks: Readonly<Partial<Record<keyof DetectionMeasures, MeasureLook>>> = {
  averagePrecision: { label: 'AP (IoU 0.5 to 0.95)', format: 'percent' },
  averagePrecision50: { label: 'AP at IoU 0.5', format: 'percent' },
  averagePrecision75: { label: 'AP at IoU 0.75', format: 'percent' },
  averageRecall100: { label: 'average recall', format: 'percent' },
  found: { label: 'found at IoU 0.5', format: 'percent' },
};

/** The objects of an image in pixels. */
const truthsOf = ({ boxes, labels, crowd, difficult, areas, width, height }: RowObjects): DetectedImage['truths'] =>
  Array.from(labels, (label, k) => {
    const [x = 0, y = 0, w = 0, h = 0] = boxes.subarray(4 * k, 4 * k + 4);
    return {
      label,
      box: [x * width, y * height, w * width, h * height],
      area: areas[k] ?? 0,
      crowd: crowd[k] === 1,
      difficult: difficult[k] === 1,
    };
  });

/** The surest boxes of an image, in pixels. */
function detectionsOf(
  boxes: ArrayLike<number>,
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  { width, height }: RowObjects,
): Detection[] {
  return Array.from(scores, (score, k) => ({ score, k }))
    .sort((a, b) => b.score - a.score)
    .slice(0, mostDetections)
    .map(({ score, k }) => {
      const [x = 0, y = 0, w = 0, h = 0] = [0, 1, 2, 3].map((side) => boxes[4 * k + side] as number);
      return { score, label: labels[k] ?? -1, box: [(x - w / 2) * width, (y - h / 2) * height, w * width, h * height] };
    });
}

/** Measures a model on a split. `shown`: the number of images that become pictures, evenly spread. */
export async function evaluateDetection(
  model: Module,
  detect: (images: Tensor) => FoundBoxes,
  split: Split,
  classNames: readonly string[],
  options: ReadOptions<ObjectColumns>,
  shown = 24,
): Promise<DetectionResult> {
  const { imageSize: size } = options;
  const compiled = compile((images: Tensor) => inEvaluationMode(model, () => detect(images)));
  const images: DetectedImage[] = [];
  const examples: Example[] = [];
  const chosen = new Set(spread(Math.min(split.length, options.limit ?? split.length), shown));
  try {
    const { skipped } = await readExamples(split, options, (batch) =>
      tidy(async () => {
        const found = await compiled(tensor(batch.columns.image, { shape: [batch.size, size, size, 3] }));
        const [boxes, scores, labels] = await Promise.all([
          found.boxes.data(),
          found.scores.data(),
          found.labels.data(),
        ]);
        const length = scores.length / batch.size;
        for (const [k, objects] of batch.columns.objects.entries()) {
          const own = <Values extends typeof boxes>(values: Values, each: number): Values =>
            values.subarray(k * length * each, (k + 1) * length * each) as Values;
          const image = {
            truths: truthsOf(objects),
            found: detectionsOf(own(boxes, 4), own(scores, 1), own(labels, 1), objects),
          };
          if (chosen.has(images.length)) {
            const pixels = batch.columns.image.slice(k * size * size * 3, (k + 1) * size * size * 3);
            examples.push(exampleOf({ pixels, height: size, width: size }, image, objects, classNames));
          }
          images.push(image);
        }
      }),
    );
    const { measures, perClass } = detectionScores(images, classNames.length);
    return {
      kind: detection,
      split: split.name,
      values: { ...measures },
      skipped,
      count: images.length,
      classNames,
      perClass,
      examples,
    };
  } finally {
    compiled.dispose();
  }
}

/** Pictures in the report are enlarged to about this side, in pixels. */
const shownSide = 160;
/** Boxes that are less sure are not drawn, except for the surest one. */
const shownScore = 0.3;
const mostShown = 10;

function exampleOf(
  picture: Picture,
  { truths, found }: DetectedImage,
  { width, height }: RowObjects,
  classNames: readonly string[],
): Example {
  let drawn = enlarge(picture, Math.max(1, Math.round(shownSide / picture.height)));
  const edgesOf = ([x, y, w, h]: Box): Edges => ({
    left: (x / width) * drawn.width,
    right: ((x + w) / width) * drawn.width,
    top: (y / height) * drawn.height,
    bottom: ((y + h) / height) * drawn.height,
  });
  const shown = found.filter(({ score }, k) => k === 0 || score >= shownScore).slice(0, mostShown);
  for (const { box, crowd, difficult } of truths)
    drawn = drawBox(drawn, edgesOf(box), crowd || difficult ? gray : green);
  for (const { box } of shown) drawn = drawBox(drawn, edgesOf(box), orange);
  const names = truths.map(({ label }) => classNames[label] ?? String(label));
  const answers = shown.map(({ label, score }) => `${classNames[label]} ${percentText(score, 0)}`);
  return {
    ...drawn,
    lines: [`true: ${countNames(names)}`, `found: ${answers.length > 0 ? answers.join(', ') : 'nothing'}`],
    right: null,
  };
}

/** "3 sheep, dog" */
function countNames(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const list = [...counts].map(([name, count]) => (count === 1 ? name : `${count} ${name}`));
  return list.length > 0 ? list.join(', ') : 'nothing';
}

const note =
  'True boxes in green, those that do not count in gray, and predicted boxes in orange: the surest, and others above 30 %.';

const shareText = (value: number | null | undefined): string =>
  value === null || value === undefined ? '-' : percentText(value, 2);

const detection = evaluationKind<DetectionResult>({
  name: 'detection',
  table: (results) => ({
    headings: ['split', 'images', ...Object.values(looks).map(({ label }) => label)],
    rows: results.map(({ split, count, values }) => [
      split,
      String(count),
      ...Object.keys(looks).map((name) => shareText(values[name])),
    ]),
    notes: results.flatMap(({ split, classNames, perClass }) => precisionNotes(split, classNames, perClass)),
  }),
  headline: ({ values }) => ({ AP: shareText(values.averagePrecision), AP50: shareText(values.averagePrecision50) }),
  summarize: ({ split, count, values, skipped, classNames, perClass }) => ({
    split,
    count,
    values,
    skipped,
    classNames,
    perClass,
  }),
  async section(results) {
    const reports = [];
    for (const { split, count, values, classNames, perClass, examples } of results)
      reports.push({
        split,
        count,
        measures: Object.entries(looks).map(([name, look]) => ({ ...look, value: values[name] ?? null })),
        classes: precisionCard(classNames, perClass),
        examples: await examplesCard(note, examples),
      });
    return { html: measuresSection(reports) };
  },
  highlights: (results) =>
    results.slice(0, 2).map(({ split, values }) => ({
      label: 'Average precision',
      value: formatMeasure(values.averagePrecision ?? null, 'percent'),
      note: split,
    })),
  writeSamples: ({ split, examples }, folder) => writeExamples(split, examples, folder),
});
