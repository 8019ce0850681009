/** The task `tiles`: the class of a small picture in a large scene, which the model sees tile by tile. */
import type { Batch } from '@tessera/data';
import { preprocess } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';
import type { LabelColumns } from '../../evaluation/classification/evaluate.ts';
import type { Measurement } from '../../evaluation/measures/evaluate.ts';
import { selectRows } from '../../evaluation/measures/rows.ts';
import { logitsPredictor } from '../../predict/predictors.ts';
import { enlarge } from '../../report/draw.ts';
import { picturesOf } from '../../report/pictures.ts';
import { labelMixing } from '../class-loss.ts';
import { classWeightsOf } from '../class-weights.ts';
import { answerExamples, labeledModel, labeledTaskModel } from '../labeled-images.ts';
import { type LabeledTensors, labelTensor } from '../labeled-tensors.ts';
import { checkSceneSize, placeInScenes, type SceneSize } from '../scenes.ts';
import { type AnyTaskModel, defineTask } from '../task.ts';
import { TilesObjective } from './objective.ts';
import { type TilesConfig, tilesSettings } from './settings.ts';
import { TiledClassifier } from './tiled-classifier.ts';

const sceneSizeOf = ({ data: { pictureSize, sceneSize } }: TilesConfig): SceneSize => ({
  picture: pictureSize,
  height: sceneSize[0],
  width: sceneSize[1],
});

const sceneTensors = (
  { columns, indices }: Batch<LabelColumns>,
  scene: SceneSize,
  classes: number,
): LabeledTensors => ({
  images: placeInScenes(columns.image, indices, scene),
  labels: labelTensor(columns.label, indices, classes),
});

const measurementOf = (
  model: TiledClassifier,
  scene: SceneSize,
  classNames: readonly string[],
): Measurement<LabelColumns, LabeledTensors, 'accuracy'> => ({
  model,
  looks: { accuracy: { label: 'accuracy', format: 'percent' } },
  toTensors: (batch) => sceneTensors(batch, scene, classNames.length),
  measure: ({ images, labels }) => ({ accuracy: model.forward(preprocess(images)).argmax(1).eq(labels) }),
  classes: {
    names: classNames,
    decide: ({ images, labels }) => ({ truth: labels, prediction: model.forward(preprocess(images)).argmax(1) }),
  },
  note: 'Scenes with the predicted class of their picture, and the true class where it is another.',
  async examples({ columns: { label } }, tensors, rows) {
    const { images } = selectRows(tensors, rows);
    const predictions = await model.forward(preprocess(images)).argmax(1).data();
    const pictures = await picturesOf(images);
    return answerExamples(
      pictures.map((picture, k) => ({
        picture: enlarge(picture, 2),
        truth: label[rows[k] ?? 0] ?? -1,
        prediction: predictions[k] ?? -1,
      })),
      classNames,
    );
  },
});

function subjectOf(
  model: TiledClassifier,
  config: TilesConfig,
  classNames: readonly string[],
  classWeights: Tensor | null,
): AnyTaskModel {
  const { labelSmoothing } = config.loss;
  const scene = sceneSizeOf(config);
  const { tileSize, patchSize, width, layers, readerLayers } = config.model;
  const [rows, columns] = model.grid;
  return labeledTaskModel(config, classNames, measurementOf(model, scene, classNames), {
    objective: new TilesObjective(model, { labelSmoothing, classWeights }),
    mixing: labelMixing(config.mixup, classNames.length, labelSmoothing),
    imageSize: scene.picture,
    predictor: logitsPredictor(model, classNames, {
      view: { kind: 'whole', size: [scene.height, scene.width] },
      forward: (images) => model.forward(preprocess(images)),
    }),
    facts: {
      Model: `tiled classifier: encoder of ${layers} and reader of ${readerLayers} blocks of width ${width}`,
      Scenes: `${scene.height} x ${scene.width} pixels, with a picture of ${scene.picture} x ${scene.picture}`,
      Tiles: `${rows} x ${columns} of ${tileSize} x ${tileSize} pixels${rows * columns > 1 ? ', and a thumbnail' : ''}`,
      'Patch size': patchSize,
      Parameters: model.parameterCount(),
      Classes: classNames.length,
    },
  });
}

export const tiles = defineTask<TilesConfig>({
  ...tilesSettings,
  title: 'Tiled classifier',
  description: 'a classifier of small pictures in large scenes, which it sees tile by tile',
  mainMeasure: { name: 'accuracy', better: 'higher' },
  fromCheckpoint: null,
  evaluationOptions: ['label'],
  ...labeledModel<TilesConfig, TiledClassifier>({
    build(config, classes) {
      checkSceneSize(sceneSizeOf(config));
      return new TiledClassifier({ ...config.model, imageSize: config.data.sceneSize, classes });
    },
    classWeights: ({ loss }, classes) => classWeightsOf(loss, classes),
    subject: subjectOf,
  }),
});
