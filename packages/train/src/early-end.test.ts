/** Whole runs that save their best weights or end early: files, report, resuming, and refusals before training. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exists } from '@tessera/data/io';
import { writeTinyDataset } from '@tessera/data/testing';
import { readTensors } from '@tessera/weights';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RetrievalResult } from './evaluation/retrieval/evaluate.ts';
import { loadRun } from './load-run.ts';
import { readCheckpoint } from './loop/checkpoint.ts';
import { readMetrics, withoutTiming } from './loop/metrics-file.ts';
import { warmupCosine } from './optim/index.ts';
import { readModelState } from './run-folder/model-state.ts';
import { RunFolder } from './run-folder/run-folder.ts';
import { useTestBackend } from './testing/backend.ts';
import { trainTiny } from './testing/train-tiny.ts';
import { valuesOf } from './testing/values-of.ts';

let root: string;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'early-end-'));
  await writeTinyDataset(join(root, 'data'));
});
afterAll(() => fs.rm(root, { recursive: true }));

const folderOf = (name: string) => new RunFolder(join(root, name));
const evaluated = ['training.epochs=4', 'evaluation.everyEpochs=1'];
const early = [
  ...evaluated,
  'evaluation.pixelBaseline=true',
  'training.earlyStopping.patience=1',
  'training.earlyStopping.minDelta=2',
];

/** All that depends only on settings and data. */
async function traces(name: string): Promise<unknown> {
  const folder = folderOf(name);
  const metrics = (await readMetrics(folder.metrics)).map(withoutTiming);
  return { model: await fs.readFile(folder.model), evaluation: await fs.readFile(folder.evaluation, 'utf8'), metrics };
}

describe('early stopping', () => {
  it('ends a run with all files of a complete one, and its rate is that of the whole length', async () => {
    const messages: string[] = [];
    const result = await trainTiny(root, {
      name: 'early',
      set: early,
      listener: { say: (text) => messages.push(text) },
    });
    expect(result).toMatchObject({ finished: true, steps: 8, totalSteps: 16 });
    expect(result.stopReason).toMatch(
      /^imageToTextR1 was not better than .*, its value after step 4, by more than 2 in 1/,
    );
    expect(messages.at(-2)).toBe(`ended early, after step 8 of 16: ${result.stopReason}`);

    const folder = folderOf('early');
    const rates = (await readMetrics(folder.metrics)).flatMap(({ kind, lr }) => (kind === 'step' ? [lr] : []));
    const schedule = warmupCosine({ lr: 2e-3, warmupSteps: 1, totalSteps: 16 });
    expect(rates).toEqual(Array.from({ length: 8 }, (_, step) => schedule(step)));
    const saved = await valuesOf((await readTensors(folder.model)).select((name) => name));
    const checkpoint = await readCheckpoint((await folder.latestCheckpoint()) as string);
    expect(checkpoint.state.step).toBe(8);
    expect(saved).toEqual(await valuesOf(checkpoint.trainedState()));
    // The last evaluation has the baseline, as that of a complete run.
    expect((result.results as RetrievalResult[])[0]?.pixels?.imageToText.r1).toBe(1);
    expect(JSON.parse(await fs.readFile(folder.evaluation, 'utf8')).retrieval[0].pixels).not.toBeNull();
    const page = await fs.readFile(folder.report, 'utf8');
    expect(page).toContain('8 of 16');
    expect(page).not.toContain('so far');
    expect(page).toContain('Ended early');
    expect(page).toContain('its value after step 4, by more than 2 in 1 evaluation');
  });

  it('ends at the same step with the same bits after an interruption, says so when it is resumed, and can go on', async () => {
    await trainTiny(root, { name: 'parts', set: early, stopAfter: 5 });
    await trainTiny(root, { name: 'parts', set: early, resume: true });
    expect(await traces('parts')).toEqual(await traces('early'));

    const messages: string[] = [];
    const listener = { say: (text: string) => void messages.push(text) };
    const again = await trainTiny(root, { name: 'parts', set: early, resume: true, listener });
    expect(again).toMatchObject({ finished: true, steps: 8 });
    expect(messages).toContainEqual(
      expect.stringMatching(
        /^this run had ended early, after step 8 of 16, and ends there again: .*; to train on, set a larger/,
      ),
    );
    expect(await traces('parts')).toEqual(await traces('early'));

    const patient = [...early, 'training.earlyStopping.patience=2'];
    await trainTiny(root, { name: 'patient', set: patient });
    expect(await trainTiny(root, { name: 'parts', set: patient, resume: true })).toMatchObject({ steps: 12 });
    expect(await traces('parts')).toEqual(await traces('patient'));
  });
});

describe('the best checkpoint', () => {
  /** Value of the main measure by step. */
  async function valuesByStep(name: string): Promise<(readonly [step: number, value: number])[]> {
    const records = await readMetrics(folderOf(name).metrics);
    return records.flatMap(({ kind, step, values }) =>
      kind === 'evaluation' ? [[step, (values as Record<string, number>).imageToTextR1 ?? Number.NaN] as const] : [],
    );
  }

  it('is what the run saves and evaluates last, and what is loaded, if that is set', async () => {
    await trainTiny(root, { name: 'best', set: [...evaluated, 'checkpoints.best=4'] });
    const values = await valuesByStep('best');
    expect(values.map(([step]) => step)).toEqual([4, 8, 12, 16]);
    // The first of the smallest or of the largest values: one of both is not the last step.
    const bestOf = (sign: number) => [...values].sort((a, b) => sign * (a[1] - b[1]) || a[0] - b[0])[0]?.[0];
    const mode = bestOf(1) === 16 ? 'max' : 'min';
    const step = bestOf(mode === 'max' ? -1 : 1);
    const set = [...evaluated, 'checkpoints.best=4', `checkpoints.mode=${mode}`, 'checkpoints.model=best'];
    const messages: string[] = [];
    const { results } = await trainTiny(root, {
      ...{ name: 'best', set, resume: true },
      listener: { say: (text) => messages.push(text) },
    });
    expect(messages.at(-1)).toMatch(new RegExp(`^best checkpoint: step ${step}, with test imageToTextR1 0`));

    const folder = folderOf('best');
    const checkpoint = await readCheckpoint(folder.bestCheckpoint);
    expect(checkpoint.state.step).toBe(step);
    const expected = await valuesOf(checkpoint.modelState());
    const file = await readTensors(folder.model);
    expect(file.metadata.step).toBe(String(step));
    expect(await valuesOf(file.select((name) => name))).toEqual(expected);
    expect(results?.[0]?.values.imageToTextR1).toBe(values.find(([at]) => at === step)?.[1]);
    expect(await fs.readFile(folder.report, 'utf8')).toContain(`best checkpoint, step ${step}`);

    expect((await loadRun(folder.path)).checkpoint.state.step).toBe(step);
    expect((await loadRun(folder.path, [], 'last')).checkpoint.state.step).toBe(16);
    expect(await valuesOf((await readModelState(folder.path)).state)).toEqual(expected);
    // Whatever the run saves, it continues from its last checkpoint.
    expect(await folder.latestCheckpoint()).toContain('last.safetensors');

    await trainTiny(root, { name: 'fresh', set });
    expect(await fs.readFile(folderOf('fresh').model)).toEqual(await fs.readFile(folder.model));
  });

  it('is missing where none is kept, which is said', async () => {
    await trainTiny(root, { name: 'none', set: ['training.epochs=1', 'checkpoints.best=0'] });
    await expect(loadRun(join(root, 'none'), [], 'best')).rejects.toThrow(
      /none: contains no best checkpoint \(expected checkpoints\/best\.safetensors\); .* unless checkpoints\.best is 0/,
    );
  });
});

describe('settings that cannot work are refused before training', () => {
  it.each([
    [
      'evaluation.everyEpochs is null: there is no evaluation',
      ['evaluation.everyEpochs=null', 'training.earlyStopping.patience=1'],
    ],
    [
      'a run with training.epochs=4 and evaluation.everyEpochs=1 has 3 evaluations before its end',
      [...evaluated, 'training.earlyStopping.patience=3'],
    ],
    [
      'a run with training.maxSteps=9, which is 2.25 epochs and evaluation.everyEpochs=1 has 2 evaluations before its end',
      [...evaluated, 'training.maxSteps=9', 'training.earlyStopping.patience=2'],
    ],
    [
      'training.earlyStopping.minDelta is set, but training.earlyStopping.patience is null',
      ['training.earlyStopping.minDelta=1'],
    ],
    [
      'training.earlyStopping.metric is textToImageR1: set training.earlyStopping.mode to min or max',
      [...evaluated, 'training.earlyStopping.patience=1', 'training.earlyStopping.metric=textToImageR1'],
    ],
    ['checkpoints.metric is textToImageR1: set checkpoints.mode', ['checkpoints.metric=textToImageR1']],
    ['checkpoints.mode is set, but checkpoints.best is 0', ['checkpoints.best=0', 'checkpoints.mode=max']],
    ['checkpoints.model is best, but checkpoints.best is 0', ['checkpoints.best=0', 'checkpoints.model=best']],
  ])('%s', async (message, set) => {
    await expect(trainTiny(root, { name: 'refused', set })).rejects.toThrow(message);
    expect(await exists(join(root, 'refused'))).toBe(false);
  });

  it.each([
    ['checkpoints.metric', ['checkpoints.metric=recall', 'checkpoints.mode=max']],
    ['schedule.metric', ['schedule={kind: plateau, patience: 1, metric: recall, mode: max}']],
    [
      'training.earlyStopping.metric',
      ['training.earlyStopping={patience: 1, metric: recall, mode: max}', 'checkpoints.best=0'],
    ],
  ])('%s that no evaluation has', async (setting, set) => {
    const name = `measure-${setting}`;
    await expect(trainTiny(root, { name, set: [...evaluated, ...set] })).rejects.toThrow(
      `${setting} is recall, which the evaluation of test does not have; it has imageToTextR1, imageToTextR5, imageToTextR10, textToImageR1`,
    );
    expect(await exists(folderOf(name).metrics)).toBe(false);
  });

  it('no split to evaluate', async () => {
    const set = [...evaluated, 'evaluation.splits=[]', 'training.earlyStopping.patience=1'];
    await expect(trainTiny(root, { name: 'no-split', set })).rejects.toThrow(
      'training.earlyStopping.patience: this run evaluates no split',
    );
  });
});

it('a check of measures before training changes no bit of the run', async () => {
  await trainTiny(root, { name: 'plain', set: ['training.epochs=1'] });
  await trainTiny(root, {
    name: 'checked',
    set: ['training.epochs=1', 'checkpoints.metric=textToImageR5', 'checkpoints.mode=max'],
  });
  expect(await traces('checked')).toEqual(await traces('plain'));
});
