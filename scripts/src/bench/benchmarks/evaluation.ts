/** The benchmark evaluation: zero-shot classification, and its parts. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset, type Split, trainBpe } from '@tessera/data';
import { CLIP, type CLIPConfig, type PresetName, preprocess, presets } from '@tessera/models';
import { compile, manualSeed, type Tensor, tensor, tidy } from '@tessera/tensor';
import {
  CLIPEncoder,
  classNamesOf,
  evaluateZeroShot,
  labelColumns,
  promptTemplates,
  readExamples,
} from '@tessera/train/evaluation';
import { contractionFlops } from '@tessera/train/loop';
import { integers } from '../values.ts';
import { writeDrawings } from './drawings.ts';

/** The speed of an evaluation or of a part of it. */
export interface Pace {
  readonly imagesPerSecond: number;
  /** CPU time of all threads per image, in ms. */
  readonly cpuMs: number;
}

export interface EvaluationRow {
  readonly preset: string;
  readonly images: number;
  /** Fraction of correctly classified images: about chance, because the model is not trained. */
  readonly accuracy: number;
  /** Operations of the image encoder for one image. */
  readonly operations: number;
  /** Only encoding, of images in memory. */
  readonly encoder: Pace;
  /** Only reading and decoding. */
  readonly decoder: Pace;
  /** The whole evaluation, as in `npm run eval`. */
  readonly whole: Pace;
  /** Images per second that the CPU time of both parts, spread over all cores, allows. */
  readonly possible: number;
  /** The part that is slower on its own. */
  readonly limit: 'encoder' | 'decoder';
  /** The encoder's operations at the speed of the whole, divided by the highest rate of a matrix product of the run. */
  readonly mfu: number;
  /** The same at the encoder's own speed. */
  readonly encoderMfu: number;
}

export interface EvaluationReport {
  readonly dataset: string;
  readonly workers: number;
  readonly batchSize: number;
  readonly rows: readonly EvaluationRow[];
}

export interface EvaluationOptions {
  readonly presets: readonly PresetName[];
  /** Folder of a dataset with a ClassLabel column; null: generated drawings. */
  readonly dataset: string | null;
  /** The number of threads, from which `possible` is computed. */
  readonly threads: number;
  /** The highest rate of a matrix product of the run, in GFLOP/s. */
  readonly peak: number;
  readonly say: (line: string) => void;
}

/** The models that are measured by default. */
export const evaluationPresets = ['vit-small-64', 'vit-tiny-64'] as const satisfies readonly PresetName[];

const drawings = 10_000;
/** Repeated drawings are decoded again, so decoding them takes the same time. */
const differentDrawings = 500;
/** The defaults of a run's configuration. */
const workers = 1;
const batchSize = 128;
/** The number of timed batches of the encoder, after the same number to warm up. */
const encoderBatches = 12;

/** Measures zero-shot classification of a dataset, and encoding and decoding on their own. */
export async function measureEvaluation(options: EvaluationOptions): Promise<EvaluationReport> {
  const { dataset, say } = options;
  const folder = await mkdtemp(join(tmpdir(), 'tessera-bench-'));
  try {
    const path = dataset ?? join(folder, 'drawings');
    if (dataset === null) {
      say(`  drawing ${drawings} images`);
      await writeDrawings(path, drawings, differentDrawings);
    }
    using opened = await openDataset(path);
    const { splits } = opened;
    const split = splits.test ?? splits.validation ?? Object.values(splits)[0];
    if (split === undefined) throw new Error(`${path}: has no splits`);
    const rows: EvaluationRow[] = [];
    for (const preset of options.presets) rows.push(await measureModel(preset, split, options));
    return { dataset: dataset ?? 'generated drawings', workers, batchSize, rows };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureModel(
  preset: PresetName,
  split: Split,
  { threads, peak, say }: EvaluationOptions,
): Promise<EvaluationRow> {
  const config: CLIPConfig = presets[preset];
  const { imageSize } = config.vision;
  const label = Object.entries(split.features).find(([, { type }]) => type === 'class')?.[0] ?? null;
  const classNames = classNamesOf(split, label);
  const image = Object.entries(split.features).find(([, { type }]) => type === 'image')?.[0];
  if (image === undefined) throw new Error(`${split.path}: has no column with images`);
  const columns = { image: { ...labelColumns.image, name: image }, label: { ...labelColumns.label, name: label } };
  manualSeed(0);
  const model = new CLIP(config).eval();
  const tokenizer = trainBpe(classNames, { vocabSize: Math.min(config.text.vocabularySize, 600) });
  const encoder = new CLIPEncoder(model, tokenizer, { batchSize, onTooLong: 'truncate' });
  const reading = { imageSize, batchSize, columns, strict: false, workers, limit: null };
  try {
    const batch = Uint8Array.from(integers(batchSize * 3 * imageSize ** 2, 1, 256));
    const encode = async (): Promise<number> => {
      for (let k = 0; k < encoderBatches; k++) await encoder.encodeImages(batch);
      return encoderBatches * batchSize;
    };
    const decode = async (): Promise<number> => {
      let images = 0;
      await readExamples(split, reading, async ({ size }) => {
        images += size;
      });
      return images;
    };
    let accuracy = 0;
    const evaluate = async (): Promise<number> => {
      const { metrics, labels } = await evaluateZeroShot(encoder, split, classNames, promptTemplates.photo, reading);
      accuracy = metrics.top1;
      return labels.length;
    };
    say(`  ${preset}: encoding`);
    await encode();
    const encoding = await paceOf(encode);
    say(`  ${preset}: decoding`);
    const decoding = await paceOf(decode);
    say(`  ${preset}: zero-shot classification of ${split.length} images`);
    const whole = await paceOf(evaluate);
    const operations = await operationsPerImage(model, batch, imageSize);
    return judgeEvaluation({
      ...{ preset, images: split.length, accuracy, operations, threads, peak },
      ...{ encoder: encoding, decoder: decoding, whole },
    });
  } finally {
    encoder.dispose();
  }
}

/** Times `body`, which returns the number of images that it processed. */
async function paceOf(body: () => Promise<number>): Promise<Pace> {
  const [start, used] = [performance.now(), process.cpuUsage()];
  const images = await body();
  const { user, system } = process.cpuUsage(used);
  return {
    imagesPerSecond: (1000 * images) / (performance.now() - start),
    cpuMs: (user + system) / 1000 / images,
  };
}

/** Floating-point operations of products and convolutions in the image encoder, per image. */
function operationsPerImage(model: CLIP, batch: Uint8Array, imageSize: number): Promise<number> {
  return tidy(async () => {
    const encode = compile((images: Tensor) => model.encodeImage(preprocess(images)));
    const images = tensor(batch, { shape: [batchSize, imageSize, imageSize, 3] });
    const operations = contractionFlops(await encode.program(images)) / batchSize;
    encode.dispose();
    return operations;
  });
}

type Measured = Omit<EvaluationRow, 'possible' | 'limit' | 'mfu' | 'encoderMfu'>;

/** Computes the derived figures. */
export function judgeEvaluation({
  threads,
  peak,
  ...measured
}: Measured & Pick<EvaluationOptions, 'threads' | 'peak'>): EvaluationRow {
  const { encoder, decoder, whole, operations } = measured;
  const mfuAt = ({ imagesPerSecond }: Pace): number => (operations * imagesPerSecond) / 1e9 / peak;
  return {
    ...measured,
    // Neither part can be faster than on its own.
    possible: Math.min(
      (1000 * threads) / (encoder.cpuMs + decoder.cpuMs),
      encoder.imagesPerSecond,
      decoder.imagesPerSecond,
    ),
    limit: decoder.imagesPerSecond < encoder.imagesPerSecond ? 'decoder' : 'encoder',
    mfu: mfuAt(whole),
    encoderMfu: mfuAt(encoder),
  };
}
