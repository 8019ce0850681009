/** The loss of a Vision Transformer with a teacher. */
import type { ImageClassifier, ViT } from '@tessera/models';
import { functional as F } from '@tessera/nn';
import { noGrad, type Tensor } from '@tessera/tensor';
import type { ObjectiveLoss, SeparableObjective } from '../../loop/objective.ts';
import { areMixed, classAccuracy } from '../class-loss.ts';
import type { LabeledTensors } from '../labeled-tensors.ts';
import { modelInput } from '../model-input.ts';

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
    const { logits, distillation } = this.model.distill(modelInput(images));
    return { logits, distillation };
  }

  lossOf(student: { logits: Tensor; distillation: Tensor }, { images, labels }: LabeledTensors): ObjectiveLoss {
    const teacher = this.#teacher;
    if (teacher === null) throw new Error('DistillObjective: there is no teacher to learn from');
    const taught = noGrad(() => teacher.forward(modelInput(images)));
    const accuracy = classAccuracy(student.logits.add(student.distillation), labels);
    const agreement = student.distillation.argmax(1).eq(taught.argmax(1)).cast('f32').mean();
    const options = areMixed(labels) ? { ...this.#options, labelSmoothing: 0 } : this.#options;
    return { loss: F.distillationLoss(student, labels, taught, options), measures: { accuracy, agreement } };
  }

  loss(batch: LabeledTensors): ObjectiveLoss {
    return this.lossOf(this.encode(batch), batch);
  }
}
