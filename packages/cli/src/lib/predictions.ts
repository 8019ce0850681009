/** What a model says of an image, as text for the terminal. */
import { extname } from 'node:path';
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
    case 'objects':
      return prediction.objects.length === 0
        ? [`  no object reaches ${percent(prediction.threshold)}`]
        : prediction.objects.map(
            (object) =>
              `${lineOf(object)}  ${styleText('dim', `x ${edges(object.box[0], object.box[2])}, y ${edges(object.box[1], object.box[3])}`)}`,
          );
    case 'mask':
      return prediction.classes.slice(0, top).map(({ name, share }) => lineOf({ name, probability: share }));
    case 'tokens':
      return rowsOf(prediction).map((row) => `  ${row.map((token) => String(token).padStart(5)).join('')}`);
    default:
      return prediction satisfies never;
  }
}

const edges = (from: number, to: number): string => `${Math.round(from)} to ${Math.round(to)}`;

const rowsOf = ({ tokens, grid: [rows, columns] }: Extract<Prediction, { kind: 'tokens' }>): number[][] =>
  Array.from({ length: rows }, (_, row) => tokens.slice(row * columns, (row + 1) * columns));

/** A prediction for JSON: masks and pictures are left out, which `--out` writes as files. */
export function withoutPixels(prediction: Prediction): object {
  switch (prediction.kind) {
    case 'mask': {
      const { data: _, ...mask } = prediction.mask;
      return { ...prediction, mask };
    }
    case 'tokens': {
      const { reconstruction: _, ...rest } = prediction;
      return rest;
    }
    case 'class':
    case 'tags':
    case 'texts':
    case 'caption':
    case 'answers':
    case 'objects':
      return prediction;
    default:
      return prediction satisfies never;
  }
}

/** Names without endings for the drawings of images, all different: those of the images, numbered where several are the same. */
export function drawingNames(images: readonly string[]): string[] {
  const taken = new Set<string>();
  return images.map((image) => {
    const plain = image.slice(0, image.length - extname(image).length);
    let name = plain;
    for (let number = 2; taken.has(name); number++) name = `${plain}-${number}`;
    taken.add(name);
    return name;
  });
}

/** An image's name, and below it what the model says of it. */
export const formatPrediction = (image: string, prediction: Prediction, top: number): string =>
  [styleText('bold', image), ...linesOf(prediction, top)].join('\n');
