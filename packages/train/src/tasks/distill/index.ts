/** The task `distill`: a Vision Transformer that learns from labels and from what a classifier decides (DeiT; Touvron et al. 2021). */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ImageClassifier, preprocess, ViT } from '@tessera/models';
import { Identity, init } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import type { LabelColumns } from '../../evaluation/classification/evaluate.ts';
import type { Measurement } from '../../evaluation/measures/evaluate.ts';
import { selectRows } from '../../evaluation/measures/rows.ts';
import { loadModelState } from '../../loop/checkpoint.ts';
import { classifierPredictor } from '../../predict/predictors.ts';
import { enlarge } from '../../report/draw.ts';
import { picturesOf } from '../../report/pictures.ts';
import { labelMixing } from '../class-loss.ts';
import { classWeightsOf } from '../class-weights.ts';
import { answerExamples, labeledTaskModel, learnedClasses, trainingClasses } from '../labeled-images.ts';
import { type LabeledTensors, labeledTensors } from '../labeled-tensors.ts';
import { type AnyTaskModel, defineTask } from '../task.ts';
import { vitOptions } from '../vit-settings.ts';
import { DistillObjective } from './objective.ts';
import { type DistillConfig, distillSettings } from './settings.ts';
import { teacherModel, teacherSettings } from './teacher.ts';

/** The folder of the teacher's run in the student's. */
const teacherFolder = 'teacher';

/** The student with its teacher; null where the teacher is not there any more. */
interface Pupil {
  readonly model: ViT;
  readonly teacher: ImageClassifier | null;
}

const buildModel = ({ model }: DistillConfig, classes: number): ViT =>
  new ViT({ ...vitOptions(model), classes, distilled: true });

/** 1 where the largest logit, of [B, C], is the label's, of [B]. */
const isRight = (logits: Tensor, labels: Tensor): Tensor => logits.argmax(1).eq(labels);

function measurementOf(
  { model, teacher }: Pupil,
  imageSize: number,
  classNames: readonly string[],
): Measurement<LabelColumns, LabeledTensors, string> {
  return {
    model,
    looks: {
      accuracy: { label: 'accuracy', format: 'percent' },
      classToken: { label: 'by the class token', format: 'percent' },
      distillationToken: { label: 'by the distillation token', format: 'percent' },
      ...(teacher === null ? {} : { teacher: { label: 'by the teacher', format: 'percent' } }),
    },
    toTensors: (batch) => labeledTensors(batch, imageSize, classNames.length),
    measure({ images, labels }) {
      const pictures = preprocess(images);
      const { logits, distillation } = model.distill(pictures);
      return {
        // As the model predicts: by the mean of both.
        accuracy: isRight(logits.add(distillation), labels),
        classToken: isRight(logits, labels),
        distillationToken: isRight(distillation, labels),
        ...(teacher === null ? {} : { teacher: isRight(teacher.forward(pictures), labels) }),
      };
    },
    classes: {
      names: classNames,
      decide({ images, labels }) {
        const { logits, distillation } = model.distill(preprocess(images));
        return { truth: labels, prediction: logits.add(distillation).argmax(1) };
      },
    },
    note: 'The predicted class of each image, and the true class where it is another.',
    async examples({ columns: { label } }, tensors, rows) {
      const { images } = selectRows(tensors, rows);
      const pixels = preprocess(images);
      const [pictures, predictions, taught] = await Promise.all([
        picturesOf(images),
        model.forward(pixels).argmax(1).data(),
        teacher?.forward(pixels).argmax(1).data() ?? [],
      ]);
      return answerExamples(
        pictures.map((picture, k) => ({
          picture: enlarge(picture, 2),
          truth: label[rows[k] ?? 0] ?? -1,
          prediction: predictions[k] ?? -1,
          lines: teacher === null ? [] : [`teacher: ${classNames[taught[k] ?? -1]}`],
        })),
        classNames,
      );
    },
  };
}

function subjectOf(
  pupil: Pupil,
  config: DistillConfig,
  classNames: readonly string[],
  weight: Tensor | null,
): AnyTaskModel {
  const { model, teacher } = pupil;
  const { imageSize, patchSize, width, layers } = config.model;
  const classes = classNames.length;
  return labeledTaskModel(config, classNames, measurementOf(pupil, imageSize, classNames), {
    objective: new DistillObjective(model, teacher, { ...config.loss, weight }),
    mixing: labelMixing(config.mixup, classes, config.loss.labelSmoothing),
    imageSize,
    predictor: classifierPredictor(model, imageSize, classNames),
    facts: {
      Model: `plain ViT with a distillation token: ${layers} blocks of width ${width}`,
      ...(teacher === null
        ? {}
        : { Teacher: `${teacher.visual.constructor.name} of ${teacher.parameterCount()} parameters` }),
      'Image size': imageSize,
      'Patch size': patchSize,
      Parameters: model.parameterCount(),
      Classes: classes,
    },
    // The tower's own heads compute logits.
    image: { tower: model, head: new Identity(), description: { ...config.model, distilled: true, classes } },
  });
}

/** Where a finished run's teacher is; null where it has been removed. */
function storedTeacher(folder: string, { teacher: { checkpoint } }: DistillConfig): string | null {
  return [join(folder, teacherFolder), checkpoint].find((path) => path !== null && existsSync(path)) ?? null;
}

export const distill = defineTask<DistillConfig>({
  ...distillSettings,
  title: 'Distilled Vision Transformer',
  description: 'a Vision Transformer that learns from labels and from a teacher (DeiT)',
  mainMeasure: { name: 'accuracy', better: 'higher' },
  fromCheckpoint: null,
  evaluationOptions: ['label'],
  prepare: async (config) => ({
    config,
    async create({ train, trainFirst, loadModel }) {
      const { imageSize } = config.model;
      const classes = await trainingClasses(config, train);
      const { classNames } = classes;
      const { checkpoint } = config.teacher;
      const trained =
        checkpoint === null ? await trainFirst(teacherFolder, teacherSettings(config)) : await loadModel(checkpoint);
      if (trained === null) return null;
      const teacher = teacherModel(trained, imageSize, classNames);
      return subjectOf(
        { model: buildModel(config, classNames.length), teacher },
        config,
        classNames,
        await classWeightsOf(config.loss, classes),
      );
    },
  }),
  async restore({ config, folder, checkpoint, loadModel }) {
    const classNames = learnedClasses(checkpoint);
    const model = init.skipInit(() => buildModel(config, classNames.length));
    loadModelState(checkpoint, model, config);
    const path = storedTeacher(folder.path, config);
    const teacher = path === null ? null : teacherModel(await loadModel(path), config.model.imageSize, classNames);
    return subjectOf({ model, teacher }, config, classNames, null);
  },
});
