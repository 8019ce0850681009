import { spread } from '../examples.ts';
import type { EncodedSplit } from './encode-split.ts';
import { type Projection, principalComponents } from './principal-components.ts';
import { normalizeRows } from './products.ts';
import type { EmbeddingReport } from './report.ts';

type Embedded = Pick<
  EncodedSplit,
  'dims' | 'imageFeatures' | 'imageConcepts' | 'imageTexts' | 'textFeatures' | 'textConcepts' | 'texts'
>;

/**
 * Some images of a split and their captions in the plane in which their features, of length 1, differ most.
 *
 * The two modalities of a contrastive model lie in two cones apart from each other (Liang et al. 2022, "Mind the Gap"), and the first
 * direction says little more than which is which. So there is a second plane, for the features about the mean of their own modality.
 *
 * @param count of images, evenly spread over the split
 */
export function embeddingMap(embedded: Embedded, count = 120): EmbeddingReport {
  const { dims, imageTexts, texts, imageConcepts, textConcepts } = embedded;
  const images = spread(imageTexts.length, count);
  const numberOf = new Map(texts.map((text, k) => [`${textConcepts[k]} ${text}`, k]));
  const captions = images.map((image) => numberOf.get(`${imageConcepts[image]} ${imageTexts[image]}`) as number);
  const distinct = [...new Set(captions)];
  const imageRows = pick(normalizeRows(embedded.imageFeatures, dims, 'images'), images, dims);
  const textRows = pick(normalizeRows(embedded.textFeatures, dims, 'texts'), distinct, dims);
  const plane = (title: string, first: readonly number[], second: readonly number[]): EmbeddingReport['planes'][0] => {
    const { coordinates, shares }: Projection = principalComponents([...first, ...second], dims, 2);
    const points = Array.from({ length: coordinates.length / 2 }, (_, k) => [
      coordinates[2 * k],
      coordinates[2 * k + 1],
    ]);
    return {
      title,
      shares: [shares[0], shares[1]],
      images: points.slice(0, images.length) as [number, number][],
      texts: points.slice(images.length) as [number, number][],
    };
  };
  return {
    imageLabels: images.map((image) => imageTexts[image]),
    textLabels: distinct.map((text) => texts[text]),
    captions: captions.map((text) => distinct.indexOf(text)),
    planes: [
      plane('As they are', imageRows, textRows),
      plane('Each about the mean of its kind', aboutMean(imageRows, dims), aboutMean(textRows, dims)),
    ],
  };
}

const pick = (rows: ArrayLike<number>, chosen: readonly number[], dims: number): number[] =>
  chosen.flatMap((row) => Array.from({ length: dims }, (_, k) => rows[row * dims + k]));

function aboutMean(rows: readonly number[], dims: number): number[] {
  const mean = new Float64Array(dims);
  for (const [k, value] of rows.entries()) mean[k % dims] += (value * dims) / rows.length;
  return rows.map((value, k) => value - mean[k % dims]);
}
