import { innerProducts } from './products.ts';
import { type Recall, rankOfConcept, recallOfRanks } from './ranks.ts';

/** Images as plain numbers, all of one size. */
export interface PixelImages {
  /** Row-major in the order of `layout`. 0 to 255 or any other scale, but the same for all images compared. */
  readonly data: Uint8Array | Float32Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  /** Default 3. */
  readonly channels?: number;
  /** Default 'NHWC', as image files decode. */
  readonly layout?: 'NHWC' | 'NCHW';
}

export interface PixelBaselineInput {
  readonly trainImages: PixelImages;
  readonly trainConcepts: ArrayLike<number>;
  /** The images and the texts' concepts of the retrieval that the baseline stands beside. */
  readonly images: PixelImages;
  readonly imageConcepts: ArrayLike<number>;
  readonly textConcepts: ArrayLike<number>;
  /** Images are compared at size x size pixels. Default 16. */
  readonly size?: number;
}

export interface PixelBaseline {
  readonly imageToText: Recall;
  readonly textToImage: Recall;
  /** Share of the queried images whose concept has a training image: no other can be found. */
  readonly known: number;
}

/** Distances held at a time: 64 MiB. */
const MAX_DISTANCES = 2 ** 23;

/**
 * What retrieval reaches without learning: nearest neighbours by raw pixels.
 *
 * Exactly: every image is averaged down to size x size pixels (16 by default). The distance of an image to a concept is the least
 * squared Euclidean distance, over pixels and channels, to any training image of that concept. Image to text ranks the texts by
 * the image's distance to their concepts; text to image ranks the images by their distance to the text's concept. Hits, ties and
 * candidates are those of `retrievalMetrics`. A concept without a training image is at infinite distance from all, so it is
 * never found; training images of concepts that no text has are left out, since the texts are known to the ranking.
 *
 * Takes about N * T * 3 * size^2 / 2.4e9 seconds for N images and T training images (4 s for 1,700 x 8,000).
 */
export function pixelBaseline(input: PixelBaselineInput): PixelBaseline {
  const { trainImages, trainConcepts, images, imageConcepts, textConcepts, size = 16 } = input;
  checkCount('training images', trainImages, trainConcepts);
  checkCount('images', images, imageConcepts);
  const columnOfConcept = new Map([...new Set(Array.from(textConcepts))].map((concept, column) => [concept, column]));
  const used = Array.from(trainConcepts, (concept, i) => (columnOfConcept.has(concept) ? i : -1)).filter((i) => i >= 0);
  const dims = size * size * (images.channels ?? 3);
  const train = selectRows(downscale(trainImages, size), used, dims);
  const columns = Int32Array.from(used, (i) => columnOfConcept.get(trainConcepts[i]) as number);
  const distances = distancesToConcepts(downscale(images, size), train, dims, columns, columnOfConcept.size);

  const textColumns = Array.from(textConcepts, (concept) => columnOfConcept.get(concept) as number);
  const score = (image: number, text: number): number => -distances[image * columnOfConcept.size + textColumns[text]];
  const imageRanks = Float64Array.from({ length: images.count }, (_, image) => {
    const scores = Float64Array.from(textColumns, (_, text) => score(image, text));
    return rankOfConcept(scores, textConcepts, imageConcepts[image], image);
  });
  const textRanks = Float64Array.from(textColumns, (_, text) => {
    const scores = Float64Array.from({ length: images.count }, (_, image) => score(image, text));
    return rankOfConcept(scores, imageConcepts, textConcepts[text], text);
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
    throw new RangeError(`pixelBaseline: ${images.count} ${what}, but ${concepts.length} concepts of them`);
  }
}

function selectRows(values: Float32Array, rows: readonly number[], dims: number): Float32Array {
  const out = new Float32Array(rows.length * dims);
  for (const [i, row] of rows.entries()) out.set(values.subarray(row * dims, (row + 1) * dims), i * dims);
  return out;
}

/** Least squared distance of each image [Q, dims] to the training images [T, dims] of each concept: [Q, concepts]. */
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
      for (let t = 0; t < trainCount; t++) {
        // |a - b|^2 = |a|^2 + |b|^2 - 2 ab
        const distance = imageSquares[i] + trainSquares[t] - 2 * products[(i - start) * trainCount + t];
        const cell = i * concepts + conceptOfTrain[t];
        if (distance < out[cell]) out[cell] = distance;
      }
    }
  }
  return out;
}

function squaredLengths(values: Float32Array, dims: number): Float64Array {
  const out = new Float64Array(values.length / dims);
  for (let row = 0; row < out.length; row++) {
    for (let i = row * dims; i < (row + 1) * dims; i++) out[row] += values[i] * values[i];
  }
  return out;
}

/**
 * Images averaged down (or spread up) to size x size: each output pixel is the mean of the area that it covers, pixels cut by its
 * border counted by their share. Returns [count, channels, size, size], row-major, in the scale of the input.
 */
export function downscale(images: PixelImages, size: number): Float32Array {
  const { data, count, height, width, channels = 3, layout = 'NHWC' } = images;
  if (data.length !== count * channels * height * width) {
    throw new RangeError(
      `downscale: ${count} images of ${height} x ${width} x ${channels} are ${count * channels * height * width} values, not ${data.length}`,
    );
  }
  if (!Number.isInteger(size) || size < 1) throw new RangeError(`downscale: size ${size} is not a number of pixels`);
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
          for (const [source, weight] of taps) sum += weight * data[base + (y * width + source) * pixelStride];
          narrow[y * size + x] = sum;
        }
      }
      for (const taps of rowWeights) {
        for (let x = 0; x < size; x++) {
          let sum = 0;
          for (const [source, weight] of taps) sum += weight * narrow[source * size + x];
          out[at++] = sum;
        }
      }
    }
  }
  return out;
}

/** For each output pixel of one axis: which input pixels it covers, and with what weights (they sum to 1). */
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
