/** What a model says of an image, as text for the terminal. */
import { styleText } from 'node:util';
import type { Prediction } from '@tessera/train';
import { percent } from './table.ts';

const bar = (share: number): string => '█'.repeat(Math.round(share * 20)).padEnd(20);

const lineOf = ({ name, probability }: { name: string; probability: number }): string =>
  `${percent(probability).padStart(8)}  ${styleText('cyan', bar(probability))}  ${name}`;

/** @param top the number of classes or texts that are shown */
function linesOf(prediction: Prediction, top: number): string[] {
  switch (prediction.kind) {
    case 'class':
      return prediction.classes.slice(0, top).map(lineOf);
    case 'tags': {
      const found = prediction.classes.filter(({ probability }) => probability >= prediction.threshold);
      return found.length === 0 ? [`  no class reaches ${percent(prediction.threshold)}`] : found.map(lineOf);
    }
    case 'texts':
      return prediction.texts
        .slice(0, top)
        .map((text) => `${lineOf(text)}  ${styleText('dim', `cosine ${text.similarity.toFixed(3)}`)}`);
    case 'caption':
      return [`  ${prediction.caption}`];
    case 'answers':
      return prediction.answers.map(
        ({ question, name, probability }) => `  ${question}  ${name} (${percent(probability)})`,
      );
    default:
      return prediction satisfies never;
  }
}

/** An image's name, and below it what the model says of it. */
export const formatPrediction = (image: string, prediction: Prediction, top: number): string =>
  [styleText('bold', image), ...linesOf(prediction, top)].join('\n');
