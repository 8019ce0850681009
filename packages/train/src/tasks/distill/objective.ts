/** The loss of a Vision Transformer with a teacher. */
import { type ImageClassifier, preprocess, type ViT } from '@tessera/models';
import { functional as F } from '@tessera/nn';
import { noGrad, type Tensor } from '@tessera/tensor';
import type { ObjectiveLoss, SeparableObjective } from '../../loop/objective.ts';
import type { LabeledTensors } from '../labeled-tensors.ts';

/** Trains a student with a distillation token: see `distillationLoss`. The teacher stays as it is. */
export class DistillObjective implements SeparableObjective<LabeledTensors> {
  readonly model: ViT;
  readonly #teacher: ImageClassifier | null;
  readonly #options: F.DistillationOptions;

  /** @param teacher in evaluation mode; null for a model that is not trained any further */
  constructor(model: ViT, teacher: ImageClassifier | null, options: F.DistillationOptions = {}) {
    this.model = model;
    this.#teacher = teacher;
    this.#options = options;
  }

  trainingMode(): void {
    this.model.train();
  }

  /** Logits [B, classes] of the class token and of the distillation token. */
  encode({ images }: LabeledTensors): { logits: Tensor; distillation: Tensor } {
    const { logits, distillation } = this.model.distill(preprocess(images));
    return { logits, distillation };
  }

  lossOf(student: { logits: Tensor; distillation: Tensor }, { images, labels }: LabeledTensors): ObjectiveLoss {
    const teacher = this.#teacher;
    if (teacher === null) throw new Error('DistillObjective: there is no teacher to learn from');
    const taught = noGrad(() => teacher.forward(preprocess(images)));
    const accuracy = student.logits.add(student.distillation).argmax(1).eq(labels).cast('f32').mean();
    const agreement = student.distillation.argmax(1).eq(taught.argmax(1)).cast('f32').mean();
    return { loss: F.distillationLoss(student, labels, taught, this.#options), measures: { accuracy, agreement } };
  }

  loss(batch: LabeledTensors): ObjectiveLoss {
    return this.lossOf(this.encode(batch), batch);
  }
}
