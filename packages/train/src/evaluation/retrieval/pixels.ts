/** Retrieval by raw pixels: what can be found without learning, as a baseline for trained models. */
import { elementAt } from '../element-at.ts';
import { innerProducts, rowAt, squaredLength } from './products.ts';
import { type Recall, rankOfConcept, recallOfRanks } from './ranks.ts';

/** Images as plain numbers, all of one size. */
export interface PixelImages {
  /** Row-major in the order of `layout`. From 0 to 255 or on any other scale, as long as it is the same for all images. */
  readonly data: Uint8Array | Float32Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  /** Default 3. */
  readonly channels?: number;
  /** Default 'NHWC', the layout of decoded image files. */
  readonly layout?: 'NHWC' | 'NCHW';
}

export interface PixelBaselineInput {
  readonly trainImages: PixelImages;
  readonly trainConcepts: ArrayLike<number>;
  /** The images, and the concepts of images and texts, of the retrieval that the baseline is compared with. */
  readonly images: PixelImages;
  readonly imageConcepts: ArrayLike<number>;
  readonly textConcepts: ArrayLike<number>;
  /** Images are compared at size x size pixels. Default 16. */
  readonly size?: number;
}

export interface PixelBaseline {
  readonly imageToText: Recall;
  readonly textToImage: Recall;
  /** Share of the images whose concept has a training image: no others can be found. */
  readonly known: number;
}

/** The largest number of distances in memory at a time: 64 MiB. */
const MAX_DISTANCES = 2 ** 23;

/**
 * The recall that nearest neighbors by raw pixels reach.
 *
 * Every image is averaged down to size x size pixels (16 by default). The distance of an image to a concept is the smallest squared
 * Euclidean distance, over pixels and channels, to any training image of that concept. Image to text ranks the texts by the image's
 * distance to their concepts; text to image ranks the images by their distance to the text's concept. Hits, ties and candidates are
 * defined as in `retrievalMetrics`. A concept without a training image is at infinite distance from all images, so it is never found.
 * Training images of concepts that no text has are left out, since the ranking knows the texts.
 *
 * Takes about N * T * 3 * size^2 / 2.4e9 seconds for N images and T training images (4 s for 1,700 x 8,000).
 */
export function pixelBaseline(input: PixelBaselineInput): PixelBaseline {
  const { trainImages, trainConcepts, images, imageConcepts, textConcepts, size = 16 } = input;
  checkCount('training images', trainImages, trainConcepts);
  checkCount('images', images, imageConcepts);
  /** Each concept of the texts is a column of the distances. */
  const columnOfConcept = new Map<number, number>();
  const textColumns = Array.from(textConcepts, (concept) => {
    const column = columnOfConcept.get(concept) ?? columnOfConcept.size;
    columnOfConcept.set(concept, column);
    return column;
  });
  const used = Array.from(trainConcepts).flatMap((concept, row) => {
    const column = columnOfConcept.get(concept);
    return column === undefined ? [] : [{ row, column }];
  });
  const dims = size * size * (images.channels ?? 3);
  const train = selectRows(
    downscale(trainImages, size),
    used.map(({ row }) => row),
    dims,
  );
  const columns = Int32Array.from(used, ({ column }) => column);
  const concepts = columnOfConcept.size;
  const distances = distancesToConcepts(downscale(images, size), train, dims, columns, concepts);

  // Both closures read cells that exist: columns are below `concepts`, images below `images.count`.
  const imageRanks = Float64Array.from(imageConcepts, (concept, image) => {
    const own = rowAt(distances, image, concepts);
    const scores = Float64Array.from(textColumns, (column) => -(own[column] as number));
    return rankOfConcept(scores, textConcepts, concept, image);
  });
  const textRanks = Float64Array.from(textColumns, (column, text) => {
    const scores = Float64Array.from(imageConcepts, (_, image) => -(distances[image * concepts + column] as number));
    return rankOfConcept(scores, imageConcepts, elementAt(textConcepts, text), text);
  });
  const trained = new Set(Array.from(trainConcepts));
  const known = Array.from(imageConcepts).filter((concept) => trained.has(concept)).length / images.count;
  return {
    imageToText: recallOfRanks(imageRanks, textColumns.length),
    textToImage: recallOfRanks(textRanks, images.count),
    known,
  };
}

function checkCount(what: string, images: PixelImages, concepts: ArrayLike<number>): void {
  if (images.count !== concepts.length) {
    throw new RangeError(`pixelBaseline: ${images.count} ${what}, but ${concepts.length} concepts`);
  }
}

function selectRows(values: Float32Array, rows: readonly number[], dims: number): Float32Array {
  const out = new Float32Array(rows.length * dims);
  for (const [i, row] of rows.entries()) out.set(rowAt(values, row, dims), i * dims);
  return out;
}

/** The smallest squared distance of each image [Q, dims] to the training images [T, dims] of each concept: [Q, concepts]. */
function distancesToConcepts(
  images: Float32Array,
  train: Float32Array,
  dims: number,
  conceptOfTrain: Int32Array,
  concepts: number,
): Float64Array {
  const imageCount = images.length / dims;
  const trainCount = conceptOfTrain.length;
  const out = new Float64Array(imageCount * concepts).fill(Number.POSITIVE_INFINITY);
  if (trainCount === 0) return out;
  const imageSquares = squaredLengths(images, dims);
  const trainSquares = squaredLengths(train, dims);
  const block = Math.max(1, Math.floor(MAX_DISTANCES / trainCount));
  for (let start = 0; start < imageCount; start += block) {
    const end = Math.min(start + block, imageCount);
    const products = innerProducts(images.subarray(start * dims, end * dims), train, dims);
    for (let i = start; i < end; i++) {
      const own = rowAt(out, i, concepts);
      const square = imageSquares[i] as number;
      const row = (i - start) * trainCount;
      // All arrays here have one element for each training image, or for each concept.
      for (let t = 0; t < trainCount; t++) {
        // |a - b|^2 = |a|^2 + |b|^2 - 2 ab
        const distance = square + (trainSquares[t] as number) - 2 * (products[row + t] as number);
        const concept = conceptOfTrain[t] as number;
        if (distance < (own[concept] as number)) own[concept] = distance;
      }
    }
  }
  return out;
}

const squaredLengths = (values: Float32Array, dims: number): Float64Array =>
  Float64Array.from({ length: values.length / dims }, (_, row) => squaredLength(rowAt(values, row, dims)));

/**
 * Resizes images to size x size: each output pixel is the mean of the area that it covers, in which a pixel that is only partly inside
 * counts by the share that is inside.
 *
 * @returns [count, channels, size, size], row-major, on the scale of the input
 */
export function downscale(images: PixelImages, size: number): Float32Array {
  const { data, count, height, width, channels = 3, layout = 'NHWC' } = images;
  if (data.length !== count * channels * height * width) {
    throw new RangeError(
      `downscale: ${count} images of ${height} x ${width} x ${channels} have ${count * channels * height * width} values, got ${data.length}`,
    );
  }
  if (!Number.isInteger(size) || size < 1)
    throw new RangeError(`downscale: size must be a whole number of at least 1, got ${size}`);
  const [channelStride, pixelStride] = layout === 'NHWC' ? [1, channels] : [height * width, 1];
  const rowWeights = areaWeights(height, size);
  const columnWeights = areaWeights(width, size);
  const narrow = new Float64Array(height * size);
  const out = new Float32Array(count * channels * size * size);
  let at = 0;
  for (let image = 0; image < count; image++) {
    for (let channel = 0; channel < channels; channel++) {
      const base = image * channels * height * width + channel * channelStride;
      for (let y = 0; y < height; y++) {
        for (const [x, taps] of columnWeights.entries()) {
          let sum = 0;
          for (const [source, weight] of taps)
            sum += weight * (data[base + (y * width + source) * pixelStride] as number);
          narrow[y * size + x] = sum;
        }
      }
      for (const taps of rowWeights) {
        for (let x = 0; x < size; x++) {
          let sum = 0;
          for (const [source, weight] of taps) sum += weight * (narrow[source * size + x] as number);
          out[at++] = sum;
        }
      }
    }
  }
  return out;
}

/** For each output pixel of one axis: the input pixels that it covers, with their weights, which sum to 1. */
function areaWeights(from: number, to: number): [source: number, weight: number][][] {
  const scale = from / to;
  return Array.from({ length: to }, (_, i) => {
    const begin = i * scale;
    const end = Math.min((i + 1) * scale, from);
    const taps: [number, number][] = [];
    for (let source = Math.floor(begin); source < end; source++) {
      const covered = Math.min(source + 1, end) - Math.max(source, begin);
      if (covered > 0) taps.push([source, covered / (end - begin)]);
    }
    return taps;
  });
}
