/** Whole runs with averages of the weights, and with a schedule that follows a measure. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset } from '@tessera/data';
import { writeTinyDataset } from '@tessera/data/testing';
import { readTensors } from '@tessera/weights';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadRun } from '../load-run.ts';
import { readModelState } from '../run-folder/model-state.ts';
import { useTestBackend } from '../testing/backend.ts';
import { trainTiny } from '../testing/train-tiny.ts';
import { valuesOf } from '../testing/values-of.ts';
import { readCheckpoint } from './checkpoint.ts';
import { readMetrics } from './metrics-file.ts';

let root: string;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'averaging-'));
  await writeTinyDataset(join(root, 'data'));
});
afterAll(() => fs.rm(root, { recursive: true }));

const weightsOf = (name: string): Promise<Buffer> => fs.readFile(join(root, name, 'model.safetensors'));
const lastOf = (name: string): string => join(root, name, 'checkpoints', 'last.safetensors');

async function column(name: string, key: string, kind = 'step'): Promise<number[]> {
  const records = await readMetrics(join(root, name, 'metrics.jsonl'));
  return records.flatMap((record) => (record.kind === kind ? [Number(record[key])] : []));
}

/** The values of the last evaluation of a run, and those of its stored model. */
async function evaluations(name: string): Promise<[unknown, unknown]> {
  const { subject, config } = await loadRun(join(root, name));
  using dataset = await openDataset(join(root, 'data'));
  const splits = Object.values(dataset.splits).filter((split) => split.name !== config.data.trainSplit);
  const again = await subject.evaluate(splits, {
    ...{ batchSize: 6, workers: 0, strict: true, limit: null, baseline: null, templates: null },
    columns: config.data.columns,
  });
  const records = await readMetrics(join(root, name, 'metrics.jsonl'));
  const last = records.filter(({ kind }) => kind === 'evaluation').slice(-splits.length);
  return [last.map(({ values }) => values), again.map(({ values }) => values)];
}

const resnet = 'model.vision={kind: resnet, imageSize: 32, width: 8, layers: [1, 1, 1, 1], heads: 1}';

describe('a run with an exponential moving average', () => {
  const set = ['ema.decay=0.8', 'training.epochs=3'];

  it('trains as without, and evaluates and saves the average', async () => {
    await trainTiny(root, { name: 'plain', set: ['training.epochs=3'] });
    await trainTiny(root, { name: 'ema', set });
    expect(await column('ema', 'loss')).toEqual(await column('plain', 'loss'));

    const file = await readTensors(join(root, 'ema', 'model.safetensors'));
    expect(file.metadata.average).toBe('exponential moving average, decay 0.8');
    const saved = await valuesOf(file.select((name) => name));
    const plain = await valuesOf((await readTensors(join(root, 'plain', 'model.safetensors'))).select((name) => name));
    expect(Object.keys(saved)).toEqual(Object.keys(plain));
    expect(saved).not.toEqual(plain);

    // The checkpoint has both: the weights to train further, and the averages to use.
    const checkpoint = await readCheckpoint(lastOf('ema'));
    expect(await valuesOf(checkpoint.trainedState())).toEqual(plain);
    expect(await valuesOf(checkpoint.modelState())).toEqual(saved);
    expect(await valuesOf((await readModelState(lastOf('ema'))).state)).toEqual(saved);
    const [during, again] = await evaluations('ema');
    expect(again).toEqual(during);
    expect(await fs.readFile(join(root, 'ema', 'report.html'), 'utf8')).toContain(
      'exponential moving average, decay 0.8',
    );
  });

  it('continues with the same bits', async () => {
    await trainTiny(root, { name: 'ema-parts', set, stopAfter: 5 });
    await trainTiny(root, { name: 'ema-parts', set, resume: true });
    expect(await weightsOf('ema-parts')).toEqual(await weightsOf('ema'));
  });

  it('begins with the weights of a checkpoint that has no average', async () => {
    await trainTiny(root, { name: 'late', set: ['training.epochs=3'], stopAfter: 11 });
    await trainTiny(root, { name: 'late', set, resume: true, allowChanges: true });
    const state = (await readCheckpoint(lastOf('late'))).averagesState();
    expect(await state.get('n_averaged')?.item()).toBe(1);
  });

  it('averages a batch in parts, in f16', async () => {
    const more = ['training.accumulate=2', 'training.precision=f16', 'ema.warmup=true', 'ema.useBuffers=true', resnet];
    const { results } = await trainTiny(root, { name: 'f16', set: ['ema.decay=0.8', ...more] });
    for (const value of Object.values(results?.[0]?.values ?? {})) expect(Number.isFinite(value)).toBe(true);
    // An update that is skipped because of an overflow is not a part of the average.
    const skipped = (await column('f16', 'skippedSteps')).at(-1) as number;
    expect(skipped).toBeGreaterThan(0);
    const averages = (await readCheckpoint(lastOf('f16'))).averagesState();
    expect(await averages.get('n_averaged')?.item()).toBe(8 - skipped);
  });
});

describe('a run with the mean of its last epochs', () => {
  const set = ['swa.startEpoch=2', 'training.epochs=4', 'evaluation.everyEpochs=1', resnet];

  it('averages the weights at the ends of these epochs, with statistics of their own', async () => {
    await trainTiny(root, { name: 'swa', set: [...set, 'checkpoints.keep=9'] });
    const states = await Promise.all(
      [8, 12, 16].map(async (step) => {
        const checkpoint = await readCheckpoint(join(root, 'swa', 'checkpoints', `checkpoint-${step}.safetensors`));
        return valuesOf(checkpoint.trainedState());
      }),
    );
    const saved = await valuesOf((await readTensors(join(root, 'swa', 'model.safetensors'))).select((name) => name));
    for (const name of ['visual.conv1.weight', 'ln_final.weight']) {
      const mean = states[0]?.[name]?.map((_, k) =>
        states.reduce((sum, state) => sum + (state[name]?.[k] ?? 0) / 3, 0),
      );
      expect(saved[name]).toEqual(mean?.map((value) => expect.closeTo(value, 6)));
    }
    const running = 'visual.bn1.running_mean';
    expect(saved[running]).not.toEqual(states[2]?.[running]);
    expect(saved['visual.bn1.num_batches_tracked']).toEqual([4]);
    // No averages before they begin.
    const before = await readCheckpoint(join(root, 'swa', 'checkpoints', 'checkpoint-4.safetensors'));
    expect(before.averagesState().size).toBe(0);
    const [during, again] = await evaluations('swa');
    expect(again).toEqual(during);
  });

  it('continues with the same bits, before and after they begin', async () => {
    for (const stopAfter of [3, 8, 13]) {
      const name = `swa-${stopAfter}`;
      await trainTiny(root, { name, set, stopAfter });
      await trainTiny(root, { name, set, resume: true });
      expect(await weightsOf(name), `stopped after step ${stopAfter}`).toEqual(await weightsOf('swa'));
    }
  });

  it('moves to its own learning rate', async () => {
    const changes = ['swa.lr=5e-4', 'swa.annealEpochs=2', 'swa.annealStrategy=linear', 'schedule=constant'];
    await trainTiny(root, { name: 'swa-lr', set: [...set, ...changes] });
    const rates = await column('swa-lr', 'lr');
    expect([0, 4, 8, 12].map((step) => rates[step])).toEqual(
      [2e-3, 2e-3, 1.25e-3, 5e-4].map((r) => expect.closeTo(r, 9)),
    );
  });
});

describe('a run whose schedule follows a measure', () => {
  const set = [
    'evaluation.everyEpochs=1',
    'training.epochs=4',
    'schedule={kind: plateau, warmupSteps: 0, patience: 0}',
  ];

  it('lowers the rate after evaluations without an improvement, and continues with the same bits', async () => {
    // No evaluation is better by this much.
    const strict = [...set, 'schedule.threshold=9', 'schedule.thresholdMode=abs'];
    await trainTiny(root, { name: 'plateau', set: strict });
    const rates = await column('plateau', 'lr');
    expect([0, 4, 8, 12].map((step) => rates[step])).toEqual(
      [2e-3, 2e-3, 2e-4, 2e-5].map((rate) => expect.closeTo(rate, 9)),
    );
    await trainTiny(root, { name: 'plateau-parts', set: strict, stopAfter: 10 });
    await trainTiny(root, { name: 'plateau-parts', set: strict, resume: true });
    expect(await column('plateau-parts', 'lr')).toEqual(rates);
    expect(await weightsOf('plateau-parts')).toEqual(await weightsOf('plateau'));
  });

  it('names the measures if it does not know the one that was set', async () => {
    const unknown = [...set, 'schedule.metric=accuracy', 'schedule.mode=max'];
    await expect(trainTiny(root, { name: 'unknown', set: unknown })).rejects.toThrow(
      /schedule\.metric is accuracy, which the evaluation of \S+ does not have; it has /,
    );
  });
});

describe('settings that do not go together are refused before the run begins:', () => {
  it.each([
    [['ema.decay=0.9', 'swa.startEpoch=1'], 'ema.decay is 0.9 and swa.startEpoch is 1: a run has one average'],
    [['swa.startEpoch=3'], 'swa.startEpoch is 3, but the run has training.epochs=2'],
    [['ema.warmup=true'], 'ema.warmup is set, but ema.decay is null'],
    [['swa.lr=0.1'], 'swa.lr is set, but swa.startEpoch is null'],
  ])('%j', async (set, message) => {
    await expect(trainTiny(root, { name: 'refused', set })).rejects.toThrow(message);
    await expect(fs.access(join(root, 'refused'))).rejects.toThrow();
  });
});
