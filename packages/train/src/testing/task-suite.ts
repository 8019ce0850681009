/** Tests that every task must pass: each task's test file runs them on a small configuration. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EncodedImage, openDataset } from '@tessera/data';
import { writeTinyDataset } from '@tessera/data/testing';
import { readTensors } from '@tessera/weights';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Example } from '../evaluation/measures/examples.ts';
import type { EvaluationResult } from '../evaluation/result.ts';
import { loadConfig } from '../load-config.ts';
import { loadRun } from '../load-run.ts';
import { readCheckpoint } from '../loop/checkpoint.ts';
import { readMetrics } from '../loop/metrics-file.ts';
import type { Prediction, PredictionRequest } from '../predict/prediction.ts';
import { percent } from '../report/format.ts';
import { RunFolder } from '../run-folder/run-folder.ts';
import { type TrainingResult, trainModel } from '../train-model.ts';
import { useTestBackend } from './backend.ts';

/** A task's preset, made so small that it trains in a second. */
export interface TaskSuite {
  readonly preset: string;
  /** Settings that override the preset. */
  readonly set: readonly string[];
  /** The files whose predictions are compared with the evaluation of the images of the split `test`. Default: these images. */
  readonly filesOf?: (images: readonly Uint8Array[]) => Promise<Uint8Array[]>;
  /** What is asked about them. */
  readonly request?: PredictionRequest;
  /** Whether an answer about an image depends on its place in a batch of the evaluation. Default: false. */
  readonly dependsOnPlace?: boolean;
  /** Writes the data set; default: `writeTinyDataset`. Its split `test` has twelve rows. */
  readonly writeData?: (path: string) => Promise<void>;
  /** The class that cannot compute its loss in parts; missing: it can. */
  readonly notSeparable?: string;
}

/** A run of the suite. */
export interface SuiteRun {
  readonly name: string;
  readonly set?: readonly string[];
  /** Stop after this step, counting those of models that are trained first. */
  readonly stopAfter?: number;
  readonly resume?: boolean;
  /** Another data set than the suite's. */
  readonly data?: string;
}

/** Trains runs of one preset below a temporary folder, which is deleted after the tests. */
export class SuiteRuns {
  readonly #suite: TaskSuite;
  #root = '';

  constructor(suite: TaskSuite) {
    this.#suite = suite;
    beforeAll(async () => {
      useTestBackend();
      this.#root = await fs.mkdtemp(join(tmpdir(), `${suite.preset}-`));
      await (suite.writeData?.(this.data) ?? writeTinyDataset(this.data, { copies: 2 }));
    });
    afterAll(() => fs.rm(this.#root, { recursive: true }));
  }

  /** The folder of the data set. */
  get data(): string {
    return join(this.#root, 'data');
  }

  folder(name: string): RunFolder {
    return new RunFolder(join(this.#root, name));
  }

  async train({ name, set = [], stopAfter, resume = false, data = this.data }: SuiteRun): Promise<TrainingResult> {
    const config = await loadConfig({
      preset: this.#suite.preset,
      set: [
        ...['data.workers=0', 'training.batchSize=12', 'training.epochs=3', 'schedule.warmupSteps=1'],
        ...['evaluation.everyEpochs=null', 'evaluation.batchSize=5', 'evaluation.limit=null', 'runtime.peakGflops=1'],
        ...[...this.#suite.set, ...set],
      ],
    });
    const folder = this.folder(name);
    const checkpoint = resume ? await folder.latestCheckpoint() : null;
    const controller = new AbortController();
    let steps = 0;
    return trainModel({
      config,
      dataset: data,
      folder,
      resume: checkpoint === null ? null : await readCheckpoint(checkpoint),
      restart: resume,
      signal: controller.signal,
      listener: {
        onStep() {
          if (++steps === stopAfter) controller.abort();
        },
      },
    });
  }

  /** Evaluates a run's stored model on the split `test` of the run's data set or of another, with its settings or with others. */
  async evaluate(
    name: string,
    { data = this.data, set = [] }: { readonly data?: string; readonly set?: readonly string[] } = {},
  ): Promise<readonly EvaluationResult[]> {
    const { subject, config } = await loadRun(this.folder(name).path, set);
    using dataset = await openDataset(data);
    return await subject.evaluate([dataset.split('test')], {
      ...{ batchSize: 5, workers: 0, strict: true, limit: null, baseline: null, templates: null },
      columns: data === this.data ? config.data.columns : {},
    });
  }

  /** What a run's model says of the images of the split `test`, as if they were files. */
  async predict(name: string, request: PredictionRequest = {}): Promise<Prediction[]> {
    const run = await loadRun(this.folder(name).path);
    using dataset = await openDataset(this.data);
    const column = await dataset.split('test').column('image');
    const images = column.map((image) => (image as unknown as EncodedImage).bytes as Uint8Array);
    return run.predict((await this.#suite.filesOf?.(images)) ?? images, request);
  }

  /** The numbers of a run's weights whose names begin with a prefix. */
  async tensors(name: string, prefix = ''): Promise<Record<string, readonly number[]>> {
    const file = await readTensors(this.folder(name).model);
    const chosen = file.select((tensor) => (tensor.startsWith(prefix) ? tensor : null));
    const entries = [...chosen].map(async ([key, value]) => [key, [...(await value.data())]] as const);
    return Object.fromEntries(await Promise.all(entries));
  }

  /** The loss of each step of a run. */
  async losses(name: string): Promise<number[]> {
    const records = await readMetrics(this.folder(name).metrics);
    return records.flatMap(({ kind, loss }) => (kind === 'step' ? [Number(loss)] : []));
  }

  /** The bytes of a run's weights. */
  weights(name: string): Promise<Buffer> {
    return fs.readFile(this.folder(name).model);
  }
}

/** A result with some examples as pictures, as `evaluateMeasures` and others make it. */
type ResultWithExamples = EvaluationResult & { readonly examples: readonly Example[] };

/** What the model said in the lines of an example. */
const answerIn = ({ lines }: Example): string => {
  const predicted = lines.find((line) => line.startsWith('predicted: '));
  const [, surest] = /^found: (\S+)/.exec(lines.find((line) => line.startsWith('found: ')) ?? '') ?? [];
  if (surest !== undefined) return surest;
  return predicted?.slice('predicted: '.length) ?? (lines[0] ?? '').split(', not ')[0] ?? '';
};

/** The line with which the examples of an evaluation say the same as a prediction; null: they have none. */
function lineOf(prediction: Prediction): string | null {
  switch (prediction.kind) {
    case 'class':
      return prediction.classes[0]?.name ?? '';
    case 'caption':
      return prediction.caption;
    case 'tags': {
      const found = prediction.classes.filter(({ probability }) => probability >= prediction.threshold);
      return found.map(({ name, probability }) => `${name} ${percent(probability)}`).join(', ') || 'none';
    }
    case 'objects':
      return prediction.objects[0]?.name ?? 'nothing';
    case 'answers':
    case 'texts':
    case 'mask':
    case 'tokens':
      return null;
    default:
      return prediction satisfies never;
  }
}

/** The tests that every task passes whose results have examples. Returns the runs, for tests of the task's own. */
export function testTask(suite: TaskSuite): SuiteRuns {
  const runs = new SuiteRuns(suite);
  describe(suite.preset, () => {
    it('is trained, evaluated, shown, and loaded again with the same values', async () => {
      const { results, finished } = await runs.train({ name: 'run' });
      expect(finished).toBe(true);
      const [result] = (results ?? []) as ResultWithExamples[];
      if (result === undefined) throw new Error('there is no result');
      expect(result).toMatchObject({ split: 'test', skipped: 0 });
      // Null: the split has nothing to measure, such as large objects.
      for (const [name, value] of Object.entries(result.values))
        expect(value === null || Number.isFinite(value), name).toBe(true);

      const folder = runs.folder('run');
      const losses = await runs.losses('run');
      expect(Math.min(...losses.slice(-2))).toBeLessThan(0.95 * (losses[0] ?? 0));

      const page = await fs.readFile(join(folder.path, 'report.html'), 'utf8');
      expect(page.match(/data:image\/png/g)).toHaveLength(result.examples.length);
      expect(result.examples).toHaveLength(12);
      const [first] = result.examples;
      const sheet = await sharp(join(folder.samples, 'examples-test.png')).metadata();
      expect(sheet).toMatchObject({
        width: 6 * ((first?.width ?? 0) + 1) + 1,
        height: 2 * ((first?.height ?? 0) + 1) + 1,
      });

      const { mainMeasure } = (await loadRun(folder.path)).task;
      expect(typeof result.values[mainMeasure.name]).toBe('number');
      const [again] = await runs.evaluate('run');
      expect(again?.values).toEqual(result.values);
    });

    it('says of single images what the evaluation says of them', async () => {
      const { predictor } = (await loadRun(runs.folder('run').path)).subject;
      if ('reason' in predictor) {
        await expect(runs.predict('run')).rejects.toThrow(predictor.reason);
        return;
      }
      const predictions = await runs.predict('run', suite.request);
      expect(predictions).toHaveLength(12);
      const lines = predictions.map(lineOf);
      const [result] = (await runs.evaluate('run')) as ResultWithExamples[];
      const said = result?.examples.map((example) => answerIn(example)) ?? [];
      // Examples may be in another order.
      if (lines[0] !== null && suite.dependsOnPlace !== true) expect(lines.toSorted()).toEqual(said.toSorted());
    });

    it('continues after an interruption with the same bits', async () => {
      const { finished } = await runs.train({ name: 'parts', stopAfter: 3 });
      expect(finished).toBe(false);
      await runs.train({ name: 'parts', resume: true });
      expect(await runs.weights('parts')).toEqual(await runs.weights('run'));
    });

    it('evaluates and saves the best average of its weights, and ends early, if that is set', async () => {
      const { results, stopReason, steps, totalSteps } = await runs.train({
        name: 'average',
        set: [
          ...['ema.decay=0.5', 'checkpoints.model=best', 'evaluation.everyEpochs=1'],
          // No second value is that much better than the first.
          ...['training.earlyStopping.patience=1', 'training.earlyStopping.minDelta=1e9'],
        ],
      });
      expect(stopReason).toContain('training.earlyStopping');
      expect(steps).toBeLessThan(totalSteps);
      const [again] = await runs.evaluate('average');
      expect(again?.values).toEqual(results?.[0]?.values);
    });

    it('is trained by adapters of its linear layers, and saved without them', async () => {
      // Short: how the saved weights are loaded and evaluated does not depend on the task.
      const set = ['lora={rank: 1}', 'training.epochs=1', 'evaluation.splits=[]'];
      const { finished } = await runs.train({ name: 'lora', set });
      expect(finished).toBe(true);
      const [plain, saved] = [await runs.tensors('run'), await runs.tensors('lora')];
      expect(Object.keys(saved).sort()).toEqual(Object.keys(plain).sort());
      for (const loss of await runs.losses('lora')) expect(Number.isFinite(loss)).toBe(true);
    });

    it.each(['bf16', 'f16'])('is trained in %s, with another learning rate for each layer', async (precision) => {
      const set = [`training.precision=${precision}`, 'optimizer.layerDecay=0.75', 'training.epochs=1'];
      const { results } = await runs.train({ name: precision, set });
      for (const value of Object.values(results?.[0]?.values ?? {}))
        expect(value === null || Number.isFinite(value)).toBe(true);
    });

    const { notSeparable } = suite;
    if (notSeparable === undefined)
      it('computes a batch in parts', async () => {
        const { finished } = await runs.train({ name: 'cut', set: ['training.accumulate=2', 'training.epochs=1'] });
        expect(finished).toBe(true);
      });
    else
      it('refuses to compute a batch in parts', async () => {
        await expect(runs.train({ name: 'cut', set: ['training.accumulate=2'] })).rejects.toThrow(
          `${notSeparable}: the loss cannot be computed in 2 parts`,
        );
      });
  });
  return runs;
}
