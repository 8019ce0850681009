/** Evaluates how well a VQ tokenizer reconstructs the images of a split. */
import { join } from 'node:path';
import { type ColumnRequest, type Split, usualColumns } from '@tessera/data';
import { writeFileAtomic } from '@tessera/data/io';
import type { VQTokenizer } from '@tessera/models';
import type { Tensor } from '@tessera/tensor';
import { fact } from '../../report/format.ts';
import { imageDataUri } from '../../report/pictures.ts';
import { BatchEncoder } from '../encoder.ts';
import { type ReadOptions, readExamples, spread } from '../examples.ts';
import { type EvaluationResult, evaluationKind } from '../result.ts';
import { rowAt } from '../retrieval/products.ts';
import { ReconstructionMeter, type ReconstructionMetrics } from './metrics.ts';
import { type ReconstructedPicture, reconstructionGrid } from './pictures.ts';
import { reconstructionSection } from './section.ts';
import { encodeAndDecode, reconstructionIn } from './signed-pixels.ts';

/** The columns that a tokenizer of images reads. */
export type ImageColumns = { readonly image: ColumnRequest<'image'> };

export const imageColumns: ImageColumns = { image: usualColumns.image };

export interface ReconstructionResult extends EvaluationResult {
  readonly metrics: ReconstructionMetrics;
  /** Some of the images, evenly spread. */
  readonly examples: readonly ReconstructedPicture[];
  /** The examples with their reconstructions, in one PNG. */
  grid(): Promise<Buffer>;
}

/** Encodes and decodes the images of a split, and compares the results with the originals. */
export async function evaluateReconstruction(
  model: VQTokenizer,
  split: Split,
  options: ReadOptions<ImageColumns>,
  shown = 32,
): Promise<ReconstructionResult> {
  const { imageSize } = options;
  const bytes = imageSize * imageSize * 3;
  const length = model.gridSize ** 2 + bytes;
  const encoder = new BatchEncoder(model, options.batchSize, (images: Tensor) => encodeAndDecode(model, images));
  const meter = new ReconstructionMeter(model.config.codes);
  const pictures: ReconstructedPicture[] = [];
  let count = 0;
  const chosen = new Set(spread(Math.min(split.length, options.limit ?? split.length), shown));
  try {
    const { skipped } = await readExamples(split, options, async ({ columns, size }) => {
      const encoded = await encoder.encode(columns.image, [imageSize, imageSize, 3]);
      for (let k = 0; k < size; k++, count++) {
        const row = rowAt(encoded, k, length);
        const original = columns.image.slice(k * bytes, (k + 1) * bytes);
        const { tokens, reconstruction } = reconstructionIn(model, row);
        meter.add(original, reconstruction, tokens);
        if (chosen.has(count)) pictures.push({ original, reconstruction });
      }
    });
    const metrics = meter.metrics();
    const { psnr, usedCodes, perplexity } = metrics;
    let grid: Promise<Buffer> | null = null;
    return {
      kind: reconstruction,
      split: split.name,
      values: { psnr, usedCodes, codePerplexity: perplexity },
      skipped,
      metrics,
      examples: pictures,
      grid() {
        grid ??= reconstructionGrid(pictures, imageSize);
        return grid;
      },
    };
  } finally {
    encoder.dispose();
  }
}

/** The metrics under the names that `evaluation.json` has always had. */
const storedMetrics = ({ count, meanSquaredError, psnr, meanColorPsnr, ...codes }: ReconstructionMetrics): object => ({
  count,
  meanSquaredError,
  psnr,
  meanColourPsnr: meanColorPsnr,
  ...codes,
});

const reconstruction = evaluationKind<ReconstructionResult>({
  name: 'reconstruction',
  table: (results) => ({
    headings: ['split', 'images', 'PSNR', 'PSNR of mean color', 'codes in use', 'perplexity'],
    rows: results.map(({ split, metrics }) => [
      split,
      String(metrics.count),
      `${metrics.psnr.toFixed(2)} dB`,
      `${metrics.meanColorPsnr.toFixed(2)} dB`,
      `${metrics.usedCodes} of ${metrics.codes}`,
      metrics.perplexity.toFixed(0),
    ]),
  }),
  headline: ({ metrics }) => ({ PSNR: `${metrics.psnr.toFixed(2)} dB` }),
  summarize: ({ split, metrics, skipped }) => ({ split, metrics: storedMetrics(metrics), skipped }),
  async section(results) {
    const reports = [];
    for (const { split, metrics, grid } of results)
      reports.push({ split, metrics, pictures: imageDataUri(await grid()) });
    return { html: reconstructionSection(reports) };
  },
  highlights: (results) =>
    results.slice(0, 1).flatMap(({ split, metrics }) => [
      {
        label: 'Reconstruction',
        value: `${metrics.psnr.toFixed(1)} dB`,
        note: `${split} · ${metrics.meanColorPsnr.toFixed(1)} dB for the mean color`,
      },
      { label: 'Codes in use', value: fact(metrics.usedCodes), note: `of ${fact(metrics.codes)}` },
    ]),
  async writeSamples({ split, grid }, folder) {
    await writeFileAtomic(join(folder, `reconstruction-${split}.png`), [await grid()]);
  },
});
