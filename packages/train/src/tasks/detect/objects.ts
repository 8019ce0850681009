/** Detection of the objects that a data set has boxes of. */
import type { Batch, RowObjects } from '@tessera/data';
import type { ViTDetector } from '@tessera/models';
import { tensor } from '@tessera/tensor';
import { classMetadata } from '@tessera/weights';
import { evaluateDetection, type ObjectColumns, objectColumns } from '../../evaluation/detection/evaluate.ts';
import { readOptions, withColumnNames } from '../reading.ts';
import { targetsMetadata } from '../targets.ts';
import { type AnyTaskModel, asTaskModel } from '../task.ts';
import { foundBoxes } from './found-boxes.ts';
import { DetectObjective, type SceneTensors } from './objective.ts';
import { objectPredictor } from './predictor.ts';
import type { DetectConfig } from './settings.ts';

/** The columns with the classes that the model knows, whatever their order in a data set. */
const withClasses = (classes: readonly string[]): ObjectColumns => ({
  ...objectColumns,
  objects: { ...objectColumns.objects, classes },
});

/** The objects that are learned: the largest of those that count. Crowds and difficult objects are not learned. */
function learnedObjects({ labels, boxes, crowd, difficult }: RowObjects, most: number): number[] {
  const counted = [...labels.keys()].filter((k) => crowd[k] === 0 && difficult[k] === 0);
  if (counted.length <= most) return counted;
  const area = (k: number): number => (boxes[4 * k + 2] ?? 0) * (boxes[4 * k + 3] ?? 0);
  return counted.sort((a, b) => area(b) - area(a)).slice(0, most);
}

function objectTensors({ columns, size }: Batch<ObjectColumns>, imageSize: number, most: number): SceneTensors {
  const boxes = new Float32Array(size * most * 4);
  const labels = new Int32Array(size * most).fill(-1);
  for (const [row, objects] of columns.objects.entries())
    for (const [place, k] of learnedObjects(objects, most).entries()) {
      const [x = 0, y = 0, w = 0, h = 0] = objects.boxes.subarray(4 * k, 4 * k + 4);
      boxes.set([x + w / 2, y + h / 2, w, h], 4 * (row * most + place));
      labels[row * most + place] = objects.labels[k] ?? -1;
    }
  return {
    images: tensor(columns.image, { shape: [size, imageSize, imageSize, 3] }),
    boxes: tensor(boxes, { shape: [size, most, 4] }),
    labels: tensor(labels, { shape: [size, most] }),
  };
}

/** A detector of the data set's objects. */
export function objectDetector(
  model: ViTDetector,
  config: DetectConfig,
  classNames: readonly string[],
  facts: AnyTaskModel['facts'],
): AnyTaskModel {
  const { imageSize } = config.model;
  return asTaskModel<ObjectColumns, SceneTensors>({
    model,
    objective: new DetectObjective(model, config.loss),
    imageSize,
    columns: withColumnNames(withClasses(classNames), config.data.columns),
    toTensors: (batch) => objectTensors(batch, imageSize, config.data.mostObjects),
    describeRow: ({ columns }, row) => ({
      objects: Array.from(columns.objects[row]?.labels ?? [], (label) => classNames[label]).join(', '),
    }),
    facts,
    predictor: objectPredictor(model, imageSize, classNames),
    metadata: { ...classMetadata(classNames), ...targetsMetadata('scenes') },
    async evaluate(splits, request) {
      const options = readOptions(request, withClasses(classNames), imageSize);
      const results = [];
      for (const split of splits)
        results.push(await evaluateDetection(model, (images) => foundBoxes(model, images), split, classNames, options));
      return results;
    },
  });
}
