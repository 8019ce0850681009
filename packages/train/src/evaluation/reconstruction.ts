import type { Split } from '@tessera/data';
import type { VQTokenizer } from '@tessera/models';
import { concat, type Tensor } from '@tessera/tensor';
import { fromSignedPixels, toSignedPixels } from '../tasks/vq.ts';
import { BatchEncoder } from './encoder.ts';
import { type ReadOptions, readExamples, spread } from './examples.ts';
import { ReconstructionMeter, type ReconstructionMetrics } from './metrics/index.ts';

/** A picture before and after, u8 [side, side, 3] each. */
export interface ReconstructedPicture {
  readonly original: Uint8Array;
  readonly reconstruction: Uint8Array;
}

/** How well a tokenizer gives back a split's images. */
export interface ReconstructionEvaluation {
  readonly split: string;
  readonly metrics: ReconstructionMetrics;
  /** Some of the images, evenly spread. */
  readonly examples: readonly ReconstructedPicture[];
  /** Rows that could not be used. */
  readonly skipped: number;
}

/** Encodes and decodes a split's images, and compares. */
export async function evaluateReconstruction(
  model: VQTokenizer,
  split: Split,
  options: ReadOptions,
  shown = 32,
): Promise<ReconstructionEvaluation> {
  const { imageSize } = options;
  const tokens = model.gridSize ** 2;
  const bytes = imageSize * imageSize * 3;
  // Tokens and pixels in one row of numbers.
  const encoder = new BatchEncoder(model, options.batchSize, (images: Tensor) => {
    const found = model.encode(toSignedPixels(images));
    const pixels = fromSignedPixels(model.decode(found));
    return concat([found.flatten(1).cast('f32'), pixels.flatten(1)], 1);
  });
  const meter = new ReconstructionMeter(model.config.codes);
  const pictures: ReconstructedPicture[] = [];
  let count = 0;
  const chosen = new Set(spread(Math.min(split.length, options.limit ?? split.length), shown));
  try {
    const { skipped } = await readExamples(split, options, async ({ images, size }) => {
      const encoded = await encoder.encode(images, [imageSize, imageSize, 3]);
      for (let k = 0; k < size; k++, count++) {
        const row = encoded.subarray(k * (tokens + bytes), (k + 1) * (tokens + bytes));
        const original = images.slice(k * bytes, (k + 1) * bytes);
        const reconstruction = Uint8Array.from(row.subarray(tokens), Math.round);
        meter.add(original, reconstruction, row.subarray(0, tokens));
        if (chosen.has(count)) pictures.push({ original, reconstruction });
      }
    });
    return { split: split.name, metrics: meter.metrics(), examples: pictures, skipped };
  } finally {
    encoder.dispose();
  }
}
