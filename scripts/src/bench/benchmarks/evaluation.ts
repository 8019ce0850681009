import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset, type Split, trainBpe } from '@tessera/data';
import { CLIP, type CLIPConfig, type PresetName, preprocess, presets } from '@tessera/models';
import { compile, manualSeed, type Tensor, tensor, tidy } from '@tessera/tensor';
import {
  CLIPEncoder,
  classNamesOf,
  contractionFlops,
  evaluateZeroShot,
  labelColumns,
  promptTemplates,
  readExamples,
} from '@tessera/train';
import { integers } from '../values.ts';
import { writeDrawings } from './drawings.ts';

/** One part of an evaluation, by itself or all together. */
export interface Pace {
  readonly imagesPerSecond: number;
  /** Processor time of all threads, in milliseconds an image. */
  readonly cpuMs: number;
}

export interface EvaluationRow {
  readonly preset: string;
  readonly images: number;
  /** Share of images whose class was found: about chance, as the model was not trained. */
  readonly accuracy: number;
  /** Of the image encoder, for one image. */
  readonly operations: number;
  /** Only encoding, of images that are there. */
  readonly encoder: Pace;
  /** Only reading and decoding. */
  readonly decoder: Pace;
  /** The evaluation as `npm run eval` does it. */
  readonly whole: Pace;
  /** Images a second that the processor time of both parts, spread over all cores, would allow. */
  readonly possible: number;
  /** Which of the two takes longer by itself. */
  readonly limit: 'encoder' | 'decoder';
  /** The encoder's operations at the pace of the whole / the highest rate of any matrix product of the run. */
  readonly mfu: number;
  /** The same at the encoder's own pace. */
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
  /** Folder of a dataset with a ClassLabel column; null: drawings made for the run. */
  readonly dataset: string | null;
  /** Threads that share the work: what `possible` is reckoned with. */
  readonly threads: number;
  /** Of the run's matrix products, in GFLOP/s. */
  readonly peak: number;
  readonly say: (line: string) => void;
}

/** Models whose evaluation is measured unless another is asked for. */
export const evaluationPresets = ['vit-small-64', 'vit-tiny-64'] as const satisfies readonly PresetName[];

const drawings = 10_000;
/** Decoding takes as long for one that was seen before. */
const differentDrawings = 500;
/** What a run's configuration says unless it is changed. */
const workers = 1;
const batchSize = 128;
/** Batches that the encoder is timed with, after as many to warm up. */
const encoderBatches = 12;

/** Zero-shot classification of a dataset: how fast it is, and how fast encoding and decoding are by themselves. */
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
    const split = splits.test ?? splits.validation ?? (Object.values(splits)[0] as Split);
    const rows: EvaluationRow[] = [];
    for (const preset of options.presets) rows.push(await measureModel(preset, split, options));
    return { dataset: dataset ?? 'drawings made for this run', workers, batchSize, rows };
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
  const image = Object.entries(split.features).find(([, { type }]) => type === 'image')?.[0] as string;
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

/** Times `body`, which tells how many images it dealt with. */
async function paceOf(body: () => Promise<number>): Promise<Pace> {
  const [start, used] = [performance.now(), process.cpuUsage()];
  const images = await body();
  const { user, system } = process.cpuUsage(used);
  return {
    imagesPerSecond: (1000 * images) / (performance.now() - start),
    cpuMs: (user + system) / 1000 / images,
  };
}

/** Floating-point operations of products and convolutions in the image encoder. */
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

export function judgeEvaluation({
  threads,
  peak,
  ...measured
}: Measured & Pick<EvaluationOptions, 'threads' | 'peak'>): EvaluationRow {
  const { encoder, decoder, whole, operations } = measured;
  const mfuAt = ({ imagesPerSecond }: Pace): number => (operations * imagesPerSecond) / 1e9 / peak;
  return {
    ...measured,
    // Neither part can go faster than by itself.
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
