/** Answers to questions about single images. */
import { type MultimodalClassifier, preprocess } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';
import { rowAt } from '../../evaluation/retrieval/products.ts';
import { valuesInBatches } from '../../predict/in-batches.ts';
import type { Predictor } from '../../predict/prediction.ts';
import { ranked, softmax } from '../../predict/probabilities.ts';
import { answerNames } from './questions.ts';

/**
 * The answers of a model.
 *
 * @param learned the questions that it learned to answer
 * @param toIds questions to tokens, i32 [questions, L]
 */
export const questionPredictor = (
  model: MultimodalClassifier,
  imageSize: number,
  learned: readonly string[],
  toIds: (questions: readonly string[]) => Tensor,
): Predictor => ({
  asks: ['questions'],
  async predict(images, { questions = learned }) {
    const answers: Float32Array[] = [];
    for (const asked of questions)
      answers.push(
        await valuesInBatches(model, images, [imageSize, imageSize, 3], (batch) => {
          const ids = toIds([asked]);
          const [count = 0] = batch.shape;
          return model.forward(preprocess(batch), ids.expand([count, ids.shape[1] ?? 0]));
        }),
      );
    return Array.from({ length: images.length / (imageSize * imageSize * 3) }, (_, k) => ({
      kind: 'answers',
      answers: questions.map((question, q) => {
        const logits = rowAt(answers[q] as Float32Array, k, answerNames.length);
        const [best = { name: '', probability: Number.NaN }] = ranked(answerNames, softmax(logits));
        return { question, ...best };
      }),
    }));
  },
});
