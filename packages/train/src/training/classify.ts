import { DataLoader, type Dataset, type Split } from '@tessera/data';
import { createImageTower, ImageClassifier } from '@tessera/models';
import type { ClassifyConfig } from '../config/index.ts';
import {
  type ClassificationEvaluation,
  classNamesOf,
  describeClassification,
  evaluateClassifier,
} from '../evaluation/classification.ts';
import type { RunFolder } from '../run/run-folder.ts';
import { writeTrainingSamples } from '../run/samples.ts';
import { ClassifyTask, type LabelledTensors, labelledTensors } from '../tasks/classify.ts';
import { type ImageTowerFile, loadImageTower } from './image-tower-file.ts';
import { LoaderSource } from './loader-source.ts';
import type { PreparedTask } from './prepared.ts';
import { readingOptions, trainingLoaderOptions } from './reading.ts';

type ClassifierModel = NonNullable<ClassifyConfig['model']>;

/** Image towers in reports. */
const towerNames = {
  vit: 'ViT',
  resnet: 'ModifiedResNet',
  'plain-vit': 'plain ViT',
  swin: 'Swin',
  'plain-resnet': 'ResNet',
} satisfies Record<ClassifierModel['vision']['kind'], string>;

/** Builds model and loaders for training a classifier. `tower`: what its image tower starts from; null: from scratch. */
export async function prepareClassify(
  config: ClassifyConfig & { readonly model: ClassifierModel },
  dataset: Dataset,
  evaluationSplits: readonly Split[],
  folder: RunFolder,
  tower: ImageTowerFile | null,
): Promise<PreparedTask<LabelledTensors>> {
  const train = dataset.split(config.data.trainSplit);
  const { vision, embedDim, activation } = config.model;
  const { imageSize } = vision;
  const loader = new DataLoader(train, trainingLoaderOptions(config, imageSize));
  try {
    const { columns } = loader;
    const classNames = classNamesOf(train, columns.label);
    const model = new ImageClassifier(createImageTower(vision, embedDim, { activation }), classNames.length);
    if (tower !== null) loadImageTower(tower, model.visual, config.model);
    const task = new ClassifyTask(model, {
      labelSmoothing: config.loss.labelSmoothing,
      freezeTower: config.initialize.tower === 'freeze',
    });
    const source = new LoaderSource(
      loader,
      (batch) => labelledTensors(batch, imageSize, classNames.length),
      (batch) => writeTrainingSamples(folder.samples, batch, imageSize),
    );
    const reading = { ...readingOptions(config, columns), imageSize };
    // The last evaluation's answers serve the report too.
    let latest: ClassificationEvaluation[] | null = null;
    const evaluateAll = async (): Promise<ClassificationEvaluation[]> => {
      const evaluations: ClassificationEvaluation[] = [];
      for (const split of evaluationSplits)
        evaluations.push(await evaluateClassifier(model, split, classNames, reading));
      return evaluations;
    };
    return {
      task,
      source,
      trainingRows: train.length,
      mainMeasure: 'top1',
      summary: {
        Model: `${towerNames[vision.kind]} width ${vision.width}`,
        'Image size': imageSize,
        Parameters: model.parameterCount(),
        'Trained parameters': model.parameterCount({ trainableOnly: true }),
        'Training images': train.length,
        Classes: classNames.length,
      },
      async evaluate() {
        latest = await evaluateAll();
        return latest.map(({ split, metrics: { top1, top5 } }) => ({ split: split.name, values: { top1, top5 } }));
      },
      async finalEvaluation() {
        const classification = latest ?? (await evaluateAll());
        const report = [];
        for (const evaluation of classification)
          report.push(await describeClassification(evaluation, { imageSize, columns }));
        return { retrieval: [], classification, report: { classification: report } };
      },
      loaderStats: () => loader.stats,
      close: () => loader.close(),
    };
  } catch (error) {
    await loader.close();
    throw error;
  }
}
