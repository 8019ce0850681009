/** The teacher of a distilled model: a classifier that is trained first, or that another run left. */
import { ImageClassifier } from '@tessera/models';
import type { RunConfig } from '../../config/schema.ts';
import { readCheckpoint } from '../../loop/checkpoint.ts';
import { findCheckpoint, findRun } from '../../run-folder/run-folder.ts';
import { storedClassNames } from '../class-names.ts';
import { classify } from '../classify/index.ts';
import { classifySettings } from '../classify/settings.ts';
import type { TrainedModel } from '../task.ts';
import type { DistillConfig } from './settings.ts';

/** The configuration of the teacher's own run: the student's, with the teacher's model. */
export function teacherConfig({ teacher, loss, ...shared }: DistillConfig): RunConfig {
  if (teacher.model === null)
    throw new Error(
      'there is no teacher: set teacher.checkpoint to a classifier, or teacher.model to one to train first',
    );
  return classifySettings.schema.parse({
    ...shared,
    task: classifySettings.name,
    name: `${shared.name}-teacher`,
    model: teacher.model,
    loss: { labelSmoothing: loss.labelSmoothing },
    training: { ...shared.training, epochs: teacher.epochs ?? shared.training.epochs },
  });
}

/** A classifier from its run's folder or one of its checkpoints. @throws where the path is something else */
export async function loadClassifier(path: string): Promise<TrainedModel> {
  const checkpoint = await readCheckpoint(await findCheckpoint(path));
  const folder = await findRun(checkpoint.path);
  const parsed = classifySettings.schema.safeParse(checkpoint.state.config);
  if (!parsed.success || folder === null)
    throw new Error(`${path}: is not a run of the task ${classifySettings.name}, so it cannot be a teacher`);
  return { config: parsed.data, subject: await classify.restore({ config: parsed.data, folder, checkpoint }) };
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
    throw new Error(`${config.name}: a ${model.constructor.name} cannot teach classes`);
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
