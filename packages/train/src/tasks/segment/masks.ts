/** Segmentation by the masks of a data set. */
import { type Batch, type ColumnRequest, ignoredClass, type Split, usualColumns } from '@tessera/data';
import type { ViTSegmenter } from '@tessera/models';
import { tensor } from '@tessera/tensor';
import { classMetadata } from '@tessera/weights';
import { evaluateMeasures } from '../../evaluation/measures/evaluate.ts';
import { readOptions, withColumnNames } from '../reading.ts';
import { targetsMetadata } from '../targets.ts';
import { type AnyTaskModel, asTaskModel } from '../task.ts';
import { segmentation } from './measurement.ts';
import { type MaskedTensors, SegmentObjective } from './objective.ts';
import { maskPredictor } from './predictor.ts';
import type { SegmentConfig } from './settings.ts';

/** The columns that are read. */
type MaskColumns = { readonly image: ColumnRequest<'image'>; readonly mask: ColumnRequest<'mask'> };

const maskColumns: MaskColumns = { image: usualColumns.image, mask: usualColumns.mask };

/**
 * The names of the masks' values from 0 on: those of the settings, or the background and the classes of the data set's objects.
 *
 * @throws where neither is known
 */
export function maskClasses(
  { data }: SegmentConfig,
  objects: readonly string[] | null,
  { path, name }: Split,
): readonly string[] {
  if (data.classes !== null) return data.classes;
  if (objects !== null) return ['background', ...objects];
  throw new Error(
    `${path}, split "${name}": the names of the masks' classes are not stored in this data set; name them in the order of their numbers: --set 'data.classes=[background, road, car]'`,
  );
}

/** @throws where a mask has a number that is not a class */
function maskTensors(
  { columns, indices, size }: Batch<MaskColumns>,
  side: number,
  classes: readonly string[],
): MaskedTensors {
  const masks = new Int32Array(size * side * side);
  for (const [k, mask] of columns.mask.entries()) {
    const wrong = mask.find((value) => value >= classes.length && value !== ignoredClass);
    if (wrong !== undefined)
      throw new RangeError(
        `row ${indices[k]} has the class ${wrong} in its mask; the ${classes.length} classes are 0 to ${classes.length - 1}, and ${ignoredClass} for pixels that do not count. data.classes names them`,
      );
    masks.set(mask, k * side * side);
  }
  return {
    images: tensor(columns.image, { shape: [size, side, side, 3] }),
    masks: tensor(masks, { shape: [size, side, side] }),
  };
}

/** The names of the classes in a mask, the most frequent first. */
function namesIn(mask: ArrayLike<number>, classes: readonly string[]): string {
  const counts = new Map<number, number>();
  for (const value of Array.from(mask)) counts.set(value, (counts.get(value) ?? 0) + 1);
  counts.delete(ignoredClass);
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([value]) => classes[value])
    .join(', ');
}

export function maskSegmenter(
  model: ViTSegmenter,
  config: SegmentConfig,
  classNames: readonly string[],
  facts: AnyTaskModel['facts'],
): AnyTaskModel {
  const { imageSize } = config.model;
  const measurement = segmentation<MaskColumns, MaskedTensors>(model, classNames, {
    note: 'The image, the true class of each pixel, and the predicted class. Class 0 is black; pixels that do not count are gray.',
    toTensors: (batch) => maskTensors(batch, imageSize, classNames),
    linesOf: (_, __, truth) => [namesIn(truth, classNames)],
  });
  return asTaskModel<MaskColumns, MaskedTensors>({
    model,
    objective: new SegmentObjective(model),
    imageSize,
    columns: withColumnNames(maskColumns, config.data.columns),
    toTensors: (batch) => measurement.toTensors(batch),
    describeRow: ({ columns }, row) => ({ classes: namesIn(columns.mask[row] ?? [], classNames) }),
    facts,
    predictor: maskPredictor(model, imageSize, classNames, 'whole'),
    metadata: { ...classMetadata(classNames), ...targetsMetadata('scenes') },
    async evaluate(splits, request) {
      const options = readOptions(request, maskColumns, imageSize);
      const results = [];
      for (const split of splits) results.push(await evaluateMeasures(split, options, measurement));
      return results;
    },
  });
}
