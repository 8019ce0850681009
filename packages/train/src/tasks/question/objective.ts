/** The loss of a model that answers questions about images. */
import { type MultimodalClassifier, preprocess } from '@tessera/models';
import { crossEntropy } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import type { ObjectiveLoss, SeparableObjective } from '../../loop/objective.ts';

/** Images with questions and their answers: u8 [B, H, W, 3]; i32 [B, L]; i32 [B], 1 for yes and 0 for no. */
export type QuestionTensors = { readonly images: Tensor; readonly ids: Tensor; readonly answers: Tensor };

/** [B, 2]: no and yes. */
type AnswerLogits = { readonly logits: Tensor };

/** Trains a classifier of pairs of an image and a question. */
export class QuestionObjective implements SeparableObjective<QuestionTensors> {
  readonly model: MultimodalClassifier;

  constructor(model: MultimodalClassifier) {
    this.model = model;
  }

  trainingMode(): void {
    this.model.train();
  }

  encode({ images, ids }: QuestionTensors): AnswerLogits {
    return { logits: this.model.forward(preprocess(images), ids) };
  }

  lossOf({ logits }: AnswerLogits, { answers }: QuestionTensors): ObjectiveLoss {
    const accuracy = logits.argmax(1).eq(answers).cast('f32').mean();
    return { loss: crossEntropy(logits, answers, { ignoreIndex: null }), measures: { accuracy } };
  }

  loss(batch: QuestionTensors): ObjectiveLoss {
    return this.lossOf(this.encode(batch), batch);
  }
}
