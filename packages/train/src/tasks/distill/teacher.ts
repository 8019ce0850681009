/** The teacher of a distilled model: a classifier that is trained first, or that another run trained. */
import { ImageClassifier } from '@tessera/models';
import { storedClassNames } from '@tessera/weights';
import type { Settings } from '../../config/tree.ts';
import type { TrainedModel } from '../task.ts';
import type { DistillConfig } from './settings.ts';

const mainMeasure = { metric: null, mode: null };

/**
 * The settings of the teacher's own run: the student's, with the teacher's model. Its measures are those of another task, so it follows its
 * own main measure, and it is trained to its last epoch. It starts from random weights, so all of them are trained.
 */
export function teacherSettings({ teacher, loss, ...shared }: DistillConfig): Settings {
  if (teacher.model === null)
    throw new Error(
      'there is no teacher: set teacher.checkpoint to a classifier, or teacher.model to one to train first',
    );
  return {
    ...shared,
    task: 'classify',
    name: `${shared.name}-teacher`,
    model: teacher.model,
    loss: {
      labelSmoothing: loss.labelSmoothing,
      classWeights: loss.classWeights,
      effectiveNumberBeta: loss.effectiveNumberBeta,
    },
    training: { ...shared.training, epochs: teacher.epochs ?? shared.training.epochs, earlyStopping: {}, freeze: [] },
    lora: null,
    schedule: 'metric' in shared.schedule ? { ...shared.schedule, ...mainMeasure } : shared.schedule,
    checkpoints: { ...shared.checkpoints, ...mainMeasure },
  };
}

/**
 * The teacher's model, in evaluation mode and frozen.
 *
 * @throws where it does not classify the student's images into the student's classes
 */
export function teacherModel(
  { config, subject }: TrainedModel,
  imageSize: number,
  classNames: readonly string[],
): ImageClassifier {
  const { model } = subject;
  if (!(model instanceof ImageClassifier))
    throw new Error(`the teacher ${config.name} is a run of the task ${config.task}: a teacher must be a classifier`);
  if (subject.imageSize !== imageSize)
    throw new Error(
      `the teacher ${config.name} takes images of ${subject.imageSize} pixels, the student of ${imageSize}: they must be equal`,
    );
  const own = storedClassNames(subject.metadata ?? {});
  if (model.head.outFeatures !== classNames.length || (own !== null && own.join('\n') !== classNames.join('\n')))
    throw new Error(
      `the teacher ${config.name} knows ${own?.join(', ') ?? `${model.head.outFeatures} classes`}, but the data set has ${classNames.join(', ')}`,
    );
  model.freeze();
  model.eval();
  return model;
}
