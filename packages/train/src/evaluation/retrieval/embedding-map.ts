/** Images and captions as points in a plane, for the report. */
import { elementAt } from '../element-at.ts';
import { spread } from '../examples.ts';
import type { EncodedSplit } from './encode-split.ts';
import { principalComponents } from './principal-components.ts';
import { normalizeRows, rowAt } from './products.ts';
import type { EmbeddingPlane, EmbeddingReport, Point } from './report.ts';

type Embedded = Pick<
  EncodedSplit,
  'dims' | 'imageFeatures' | 'imageConcepts' | 'imageTexts' | 'textFeatures' | 'textConcepts' | 'texts'
>;

/**
 * Some images of a split and their captions, in the plane in which their normalized features differ most.
 *
 * The features of the two modalities of a contrastive model form two separate cones (Liang et al. 2022, "Mind the Gap"), and the first
 * direction mostly tells the modalities apart. So there is a second plane, for features relative to the mean of their own modality.
 *
 * @param count number of images, evenly spread over the split
 */
export function embeddingMap(embedded: Embedded, count = 120): EmbeddingReport {
  const { dims, imageTexts, texts, imageConcepts, textConcepts } = embedded;
  const textByKey = new Map(texts.map((text, k) => [`${textConcepts[k]} ${text}`, { text, row: k }]));
  const images = spread(imageTexts.length, count).map((row) => {
    const label = elementAt(imageTexts, row);
    const caption = textByKey.get(`${imageConcepts[row]} ${label}`);
    if (caption === undefined) throw new Error(`embeddingMap: image ${row} has a caption that is not among the texts`);
    return { row, label, caption };
  });
  const captions = [...new Set(images.map(({ caption }) => caption))];
  const imageRows = pick(normalizeRows(embedded.imageFeatures, dims, 'images'), images, dims);
  const textRows = pick(normalizeRows(embedded.textFeatures, dims, 'texts'), captions, dims);
  const plane = (title: string, first: readonly number[], second: readonly number[]): EmbeddingPlane => {
    const { coordinates, shares } = principalComponents([...first, ...second], dims, 2);
    const points = coordinates.map(pointOf);
    return {
      title,
      shares: pointOf(shares),
      images: points.slice(0, images.length),
      texts: points.slice(images.length),
    };
  };
  return {
    imageLabels: images.map(({ label }) => label),
    textLabels: captions.map(({ text }) => text),
    captions: images.map(({ caption }) => captions.indexOf(caption)),
    planes: [
      plane('Features as they are', imageRows, textRows),
      plane('Features minus the mean of their kind', aboutMean(imageRows, dims), aboutMean(textRows, dims)),
    ],
  };
}

const pointOf = ([x = 0, y = 0]: readonly number[]): Point => [x, y];

const pick = (features: Float32Array, chosen: readonly { readonly row: number }[], dims: number): number[] =>
  chosen.flatMap(({ row }) => [...rowAt(features, row, dims)]);

/** Rows minus their mean, row-major [N, dims]. */
function aboutMean(rows: readonly number[], dims: number): number[] {
  const out = [...rows];
  for (let k = 0; k < dims; k++) {
    const places = Array.from({ length: rows.length / dims }, (_, row) => row * dims + k);
    const mean = places.reduce((sum, at) => sum + (elementAt(rows, at) * dims) / rows.length, 0);
    for (const at of places) out[at] = elementAt(rows, at) - mean;
  }
  return out;
}
