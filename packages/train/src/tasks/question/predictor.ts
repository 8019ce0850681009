/** Answers to questions about single images. */
import { type MultimodalClassifier, preprocess } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';
import { softmax } from '../../evaluation/probabilities.ts';
import { rowAt } from '../../evaluation/retrieval/products.ts';
import { predictionEncoder } from '../../predict/encoders.ts';
import type { Predictor } from '../../predict/prediction.ts';
import { ranked } from '../../predict/probabilities.ts';
import { answerNames } from './questions.ts';

/**
 * The answers of a model.
 *
 * @param learned the questions that it learned to answer
 * @param toIds questions to tokens, i32 [questions, L]
 */
export function questionPredictor(
  model: MultimodalClassifier,
  imageSize: number,
  learned: readonly string[],
  toIds: (questions: readonly string[]) => Tensor,
): Predictor {
  const encoder = predictionEncoder<[ids: Tensor]>(model, (images, ids) =>
    model.forward(preprocess(images), ids.expand([images.shape[0] ?? 0, ids.shape[1] ?? 0])),
  );
  return {
    asks: ['questions'],
    async predict(images, { questions = learned }) {
      const answers: Float32Array[] = [];
      for (const asked of questions)
        answers.push(await encoder.encode(images, [imageSize, imageSize, 3], toIds([asked])));
      return Array.from({ length: images.length / (imageSize * imageSize * 3) }, (_, k) => ({
        kind: 'answers',
        answers: questions.map((question, q) => {
          const logits = rowAt(answers[q] as Float32Array, k, answerNames.length);
          const [best = { name: '', probability: Number.NaN }] = ranked(answerNames, softmax(logits));
          return { question, ...best };
        }),
      }));
    },
    dispose: () => encoder.dispose(),
  };
}
