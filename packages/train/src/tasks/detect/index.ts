/**
 * The task `detect`: boxes and classes by a Vision Transformer with a detection head, of the objects that a data set has boxes of, or of
 * labeled pictures that are placed in larger scenes.
 */
import { type Batch, classNamesIn } from '@tessera/data';
import { ViT, ViTDetector } from '@tessera/models';
import { functional as F, init } from '@tessera/nn';
import { iota, type Tensor, where } from '@tessera/tensor';
import { type LabelColumns, labelColumns } from '../../evaluation/classification/evaluate.ts';
import { objectColumns } from '../../evaluation/detection/evaluate.ts';
import type { Measurement } from '../../evaluation/measures/evaluate.ts';
import { selectRows } from '../../evaluation/measures/rows.ts';
import { loadModelState } from '../../loop/checkpoint.ts';
import { drawBox, type Edges, enlarge, green, orange, type Picture } from '../../report/draw.ts';
import { picturesOf } from '../../report/pictures.ts';
import { answerExamples, labeledTaskModel, learnedClasses, trainingClasses } from '../labeled-images.ts';
import { labelTensor } from '../labeled-tensors.ts';
import { checkSceneSize, placeInScenes, type SceneSize, sceneBoxes } from '../scenes.ts';
import { sceneColumn, storedTargets, type Targets } from '../targets.ts';
import { type AnyTaskModel, defineTask, fromScratch } from '../task.ts';
import { vitOptions } from '../vit-settings.ts';
import { foundBoxes } from './found-boxes.ts';
import { DetectObjective, type SceneTensors } from './objective.ts';
import { objectDetector } from './objects.ts';
import { objectPredictor } from './predictor.ts';
import { type DetectConfig, detectSettings } from './settings.ts';

/** From this overlap on a box counts as found. */
const enoughOverlap = 0.5;

const sceneSizeOf = ({ data: { pictureSize }, model: { imageSize } }: DetectConfig): SceneSize => ({
  picture: pictureSize,
  height: imageSize,
  width: imageSize,
});

function sceneTensors(
  { columns, indices, size }: Batch<LabelColumns>,
  scene: SceneSize,
  classes: number,
): SceneTensors {
  return {
    images: placeInScenes(columns.image, indices, scene),
    boxes: sceneBoxes(indices, scene).reshape([size, 1, 4]),
    labels: labelTensor(columns.label, indices, classes).reshape([size, 1]),
  };
}

/** The model's answer for each scene, box [B, 4] and class i32 [B]: those of the patch that is most certain of an object. */
function findObjects(model: ViTDetector, images: Tensor): { readonly boxes: Tensor; readonly labels: Tensor } {
  const { boxes, scores, labels } = foundBoxes(model, images);
  const chosen = iota(scores.shape, 1).eq(scores.argmax(1, true));
  return { boxes: where(chosen.unsqueeze(2), boxes, 0).sum(1), labels: where(chosen, labels, 0).sum(1).cast('i32') };
}

/** GIoU of two boxes for each scene, [B, 4] each, [B]. */
const overlapOf = (boxes: Tensor, others: Tensor): Tensor =>
  F.generalizedIoU(F.boxCorners(boxes), F.boxCorners(others));

/** A box [center x, center y, width, height], in shares of the picture, as edges in pixels. */
function edgesOf({ height, width }: Picture, [x = 0, y = 0, w = 0, h = 0]: readonly number[]): Edges {
  return {
    top: (y - h / 2) * height,
    left: (x - w / 2) * width,
    bottom: (y + h / 2) * height,
    right: (x + w / 2) * width,
  };
}

function measurementOf(
  model: ViTDetector,
  config: DetectConfig,
  classNames: readonly string[],
): Measurement<LabelColumns, SceneTensors, 'found' | 'accuracy' | 'overlap'> {
  const scene = sceneSizeOf(config);
  return {
    model,
    looks: {
      found: { label: `class correct and GIoU > ${enoughOverlap}`, format: 'percent' },
      accuracy: { label: 'class correct', format: 'percent' },
      overlap: { label: 'GIoU of the box', format: 'number' },
    },
    toTensors: (batch) => sceneTensors(batch, scene, classNames.length),
    measure({ images, boxes, labels }) {
      const answer = findObjects(model, images);
      const overlap = overlapOf(answer.boxes, boxes.select(1, 0));
      const right = answer.labels.eq(labels.select(1, 0));
      return { found: right.logicalAnd(overlap.gt(enoughOverlap)), accuracy: right, overlap };
    },
    classes: {
      names: classNames,
      // A box in the wrong place is a wrong decision for its class, and the object of that class is not found.
      decide({ images, boxes, labels }) {
        const answer = findObjects(model, images);
        const accepted = overlapOf(answer.boxes, boxes.select(1, 0)).gt(enoughOverlap);
        return { truth: labels.select(1, 0), prediction: answer.labels, accepted };
      },
    },
    note: 'Scenes with the true box in green and the predicted box in orange.',
    async examples({ columns: { label } }, tensors, rows) {
      const { images, boxes } = selectRows(tensors, rows);
      const answer = findObjects(model, images);
      const truth = boxes.select(1, 0);
      const [pictures, truths, answers, predictions, overlaps] = await Promise.all([
        picturesOf(images),
        truth.data(),
        answer.boxes.data(),
        answer.labels.data(),
        overlapOf(answer.boxes, truth).data(),
      ]);
      const examples = answerExamples(
        pictures.map((picture, k) => {
          const large = enlarge(picture, 3);
          const edges = (list: typeof truths): Edges => edgesOf(large, [...list.slice(4 * k, 4 * k + 4)]);
          return {
            picture: drawBox(drawBox(large, edges(truths), green), edges(answers), orange),
            truth: label[rows[k] ?? 0] ?? -1,
            prediction: predictions[k] ?? -1,
            lines: [`GIoU ${overlaps[k]?.toFixed(2)}`],
          };
        }),
        classNames,
      );
      return examples.map((example, k) => ({
        ...example,
        right: example.right === true && (overlaps[k] ?? 0) > enoughOverlap,
      }));
    },
  };
}

/** What all models of the task tell about themselves. */
const factsOf = (
  model: ViTDetector,
  { model: { width, layers, patchSize } }: DetectConfig,
  classNames: readonly string[],
): Record<string, string | number> => ({
  Model: `plain ViT with a detection head: ${layers} blocks of width ${width}`,
  'Patch size': patchSize,
  Parameters: model.parameterCount(),
  Classes: classNames.length,
});

/** A detector of labeled pictures in scenes. */
function sceneDetector(model: ViTDetector, config: DetectConfig, classNames: readonly string[]): AnyTaskModel {
  const scene = sceneSizeOf(config);
  return labeledTaskModel(config, classNames, measurementOf(model, config, classNames), {
    objective: new DetectObjective(model, config.loss),
    imageSize: scene.picture,
    predictor: objectPredictor(model, config.model.imageSize, classNames),
    facts: {
      ...factsOf(model, config, classNames),
      Scenes: `${scene.height} x ${scene.width} pixels, with a picture of ${scene.picture} x ${scene.picture}`,
    },
  });
}

function detectorOf(
  model: ViTDetector,
  config: DetectConfig,
  classNames: readonly string[],
  targets: Targets,
): AnyTaskModel {
  if (targets === 'labels') return sceneDetector(model, config, classNames);
  const { imageSize } = config.model;
  const facts = { ...factsOf(model, config, classNames), 'Image size': imageSize };
  return objectDetector(model, config, classNames, facts);
}

const build = ({ model }: DetectConfig, classes: number): ViTDetector =>
  new ViTDetector(new ViT(vitOptions(model)), classes);

export const detect = defineTask<DetectConfig>({
  ...detectSettings,
  title: 'Detection',
  description: 'boxes and classes of the objects in images, or of a labeled picture that is placed in a larger scene',
  mainMeasure: { name: 'found', better: 'higher' },
  fromCheckpoint: null,
  evaluationOptions: ['label'],
  prepare: fromScratch<DetectConfig>(async ({ config, train }) => {
    const column = await sceneColumn(config, train, 'objects', { ...labelColumns, objects: objectColumns.objects });
    if (column === null) checkSceneSize(sceneSizeOf(config));
    const classNames =
      column === null
        ? (await trainingClasses(config, train)).classNames
        : (classNamesIn(train.features[column]) ?? []);
    return detectorOf(build(config, classNames.length), config, classNames, column === null ? 'labels' : 'scenes');
  }),
  async restore({ config, checkpoint }) {
    const classNames = learnedClasses(checkpoint);
    const model = init.skipInit(() => build(config, classNames.length));
    loadModelState(checkpoint, model, config);
    return detectorOf(model, config, classNames, storedTargets(checkpoint));
  },
});
