/** Runs of a number of steps, and runs on a part of the training rows. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset } from '@tessera/data';
import { writeTinyDataset } from '@tessera/data/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCheckpoint } from './loop/checkpoint.ts';
import { readMetrics } from './loop/metrics-file.ts';
import { formatEpochs, hasAllSteps, runLength } from './loop/run-length.ts';
import { chooseGroups, chooseRows, limitedCount, limitSplit } from './run/limit-split.ts';
import { RunFolder } from './run-folder/run-folder.ts';
import { useTestBackend } from './testing/backend.ts';
import { tinyConfig } from './testing/tiny-run.ts';
import { trainTiny } from './testing/train-tiny.ts';

let root: string;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'limits-'));
  await writeTinyDataset(join(root, 'data'));
});
afterAll(() => fs.rm(root, { recursive: true }));

const folder = (name: string): RunFolder => new RunFolder(join(root, name));
const weightsOf = (name: string): Promise<Buffer> => fs.readFile(folder(name).model);
const lastOf = (name: string) => readCheckpoint(join(folder(name).checkpoints, 'last.safetensors'));

describe('the length of a run', () => {
  it('is that of its epochs, or of its steps', () => {
    expect(runLength({ epochs: 3 }, 4)).toEqual({
      totalSteps: 12,
      epochs: 3,
      exactEpochs: 3,
      completeEpochs: 3,
      setting: 'training.epochs=3',
    });
    expect(runLength({ epochs: 3, maxSteps: 10 }, 4)).toEqual({
      totalSteps: 10,
      epochs: 3,
      exactEpochs: 2.5,
      completeEpochs: 2,
      setting: 'training.maxSteps=10, which is 2.5 epochs',
    });
    // More steps than the epochs have.
    expect(runLength({ epochs: 3, maxSteps: 20 }, 4)).toMatchObject({ totalSteps: 20, epochs: 5 });
    expect([1, 0.25, 0.001].map(formatEpochs)).toEqual(['1 epoch', '0.25 epochs', 'less than 0.01 epochs']);
  });

  it('is reached at its last step, or at the end of its last epoch, whatever the length of earlier epochs was', () => {
    expect(hasAllSteps({ step: 9, epoch: 2 }, { epochs: 3, maxSteps: 10 })).toBe(false);
    expect(hasAllSteps({ step: 10, epoch: 2 }, { epochs: 3, maxSteps: 10 })).toBe(true);
    expect(hasAllSteps({ step: 99, epoch: 2 }, { epochs: 3 })).toBe(false);
    expect(hasAllSteps({ step: 7, epoch: 3 }, { epochs: 3, maxSteps: null })).toBe(true);
  });
});

describe('training.maxSteps', () => {
  // An epoch has 4 steps.
  it('ends a run within an epoch as at its end, and plans the schedule for these steps', async () => {
    const result = await trainTiny(root, { name: 'six', set: ['training.maxSteps=6', 'evaluation.everyEpochs=1'] });
    expect(result).toMatchObject({ finished: true, steps: 6, totalSteps: 6 });
    expect(result.results).toHaveLength(1);
    const records = await readMetrics(folder('six').metrics);
    expect(records.map(({ kind, step }) => `${kind} ${step}`)).toEqual([
      ...['step 1', 'step 2', 'step 3', 'step 4', 'evaluation 4', 'step 5', 'step 6', 'evaluation 6'],
    ]);
    // A warm-up of 1 step, then half a cosine wave over the other 5.
    const rates = records.flatMap(({ kind, lr }) => (kind === 'step' ? [lr as number] : []));
    for (const [step, lr] of rates.entries())
      expect(lr).toBeCloseTo(step === 0 ? 2e-3 : 1e-3 * (1 + Math.cos((Math.PI * (step - 1)) / 5)), 9);
    expect((await lastOf('six')).state).toMatchObject({ step: 6, epoch: 1, batch: 2 });
    await weightsOf('six');
    expect(await fs.readFile(folder('six').report, 'utf8')).toMatch(/Epochs.*1\.5/s);
  });

  it('has the same bits after an interruption, and a longer run continues a shorter one', async () => {
    const set = ['schedule.kind=constant', 'training.maxSteps=7'];
    await trainTiny(root, { name: 'seven', set });
    expect(await trainTiny(root, { name: 'stopped', set, stopAfter: 5 })).toMatchObject({ finished: false, steps: 5 });
    await trainTiny(root, { name: 'stopped', set, resume: true });
    expect(await weightsOf('stopped')).toEqual(await weightsOf('seven'));

    await trainTiny(root, { name: 'longer', set: ['schedule.kind=constant', 'training.maxSteps=5'] });
    expect(await weightsOf('longer')).not.toEqual(await weightsOf('seven'));
    expect(await trainTiny(root, { name: 'longer', set, resume: true })).toMatchObject({ finished: true, steps: 7 });
    expect(await weightsOf('longer')).toEqual(await weightsOf('seven'));
    await expect(
      trainTiny(root, { name: 'longer', set: ['schedule.kind=constant', 'training.maxSteps=6'], resume: true }),
    ).rejects.toThrow('training.maxSteps was 7, is 6');
  });

  it('may be more than training.epochs', async () => {
    const result = await trainTiny(root, { name: 'more', set: ['training.maxSteps=5', 'training.epochs=1'] });
    expect(result).toMatchObject({ finished: true, steps: 5 });
    expect((await lastOf('more')).state).toMatchObject({ epoch: 1, batch: 1 });
  });

  it('evaluates the mean of the weights if it ends within an epoch', async () => {
    const set = ['swa.startEpoch=1', 'schedule.kind=constant'];
    await trainTiny(root, { name: 'mean-4', set: [...set, 'training.maxSteps=4'] });
    await trainTiny(root, { name: 'mean-6', set: [...set, 'training.maxSteps=6'] });
    // The mean takes in weights at the ends of epochs only, so the two steps after the first epoch do not change it.
    const [early, late] = await Promise.all([lastOf('mean-4'), lastOf('mean-6')]);
    const name = 'visual.conv1.weight';
    expect(await late.modelState().get(name)?.data()).toEqual(await early.modelState().get(name)?.data());
    expect(await late.trainedState().get(name)?.data()).not.toEqual(await early.trainedState().get(name)?.data());
    await expect(trainTiny(root, { name: 'no-mean', set: [...set, 'training.maxSteps=3'] })).rejects.toThrow(
      'swa.startEpoch is 1, but the run has training.maxSteps=3, which is 0.75 epochs',
    );
  });

  it.each([
    ['schedule.kind=step', 'schedule.stepSize=2', 'schedule.stepSize is 2'],
    ['schedule.kind=multiStep', 'schedule.milestones=[2]', 'schedule.milestones contains 2'],
  ])('%s, %s is refused where it would have no effect', async (kind, setting, message) => {
    const set = [kind, setting, 'training.epochs=9', 'training.maxSteps=8'];
    await expect(trainTiny(root, { name: `none-${kind}`, set })).rejects.toThrow(
      `${message}, but the run has training.maxSteps=8, which is 2 epochs`,
    );
  });
});

describe('a warm-up', () => {
  it.each([
    // The smaller of 100 steps and a tenth of the run.
    ['null', 20, 2],
    ['null', 5, 0],
    // A share of the run.
    ['0.25', 20, 5],
    ['3', 20, 3],
  ])('schedule.warmupSteps=%s of %d steps has %d', async (warmup, maxSteps, expected) => {
    const { schedules, chosen } = await import('./optim/choices.ts');
    const { optimizer, schedule } = await tinyConfig(`schedule.warmupSteps=${warmup}`);
    const { totalSteps, epochs, setting } = runLength({ epochs: 1, maxSteps }, 4);
    const rates = chosen(schedules, schedule.kind).create(schedule, {
      ...{ lr: optimizer.lr, totalSteps, epochs, stepsPerEpoch: 4, length: setting },
      ...{ evaluatedEpochs: null, better: 'higher' },
    }) as (step: number) => number;
    const rising = Array.from({ length: maxSteps }, (_, step) => rates(step)).indexOf(optimizer.lr);
    expect(rising + 1).toBe(Math.max(1, expected));
    if (expected > 1) expect(rates(0)).toBeCloseTo(optimizer.lr / expected, 12);
  });
});

describe('data.limitTrain', () => {
  it.each([
    ['500', 500],
    ['0.1', 0.1],
    ['10%', 0.1],
    ['"0.5"', 0.5],
    ['100%', null],
    ['null', null],
  ])('%s is read as %s', async (written, value) => {
    expect((await tinyConfig(`data.limitTrain=${written}`)).data.limitTrain).toBe(value);
  });

  it.each(['0', '-1', '1.5', '0%', '101%', 'half', 'true'])('%s is refused', async (written) => {
    await expect(tinyConfig(`data.limitTrain=${written}`)).rejects.toThrow('data.limitTrain');
  });

  it('leaves a number of rows or their share, at most all', () => {
    expect(limitedCount(24, 5)).toBe(5);
    expect(limitedCount(24, 100)).toBe(24);
    expect(limitedCount(24, 0.3)).toBe(7);
    expect(() => limitedCount(24, 0.01)).toThrow('data.limitTrain is 0.01, which is less than one row of 24');
  });

  it('chooses each class at its share, in ascending order, always the same rows, and more of them for more', () => {
    // Two thirds of the rows are of class 0, a third of the others of class 2.
    const classOf = (row: number): number => (row % 3 < 2 ? 0 : 1 + (row % 9 === 2 ? 1 : 0));
    const some = chooseRows(900, 90, classOf);
    const perClass = [0, 1, 2].map((wanted) => [...some].filter((row) => classOf(row) === wanted).length);
    expect(perClass).toEqual([60, 20, 10]);
    expect(new Set(some).size).toBe(90);
    expect([...some]).toEqual([...some].sort((a, b) => a - b));
    expect(chooseRows(900, 90, classOf)).toEqual(some);
    const more = new Set(chooseRows(900, 450, classOf));
    expect([...some].every((row) => more.has(row))).toBe(true);
    // Without classes, no stretch of the split is preferred.
    const unlabeled = chooseRows(900, 90);
    for (const part of [0, 300, 600]) {
      const within = [...unlabeled].filter((row) => row >= part && row < part + 300).length;
      expect(within).toBeGreaterThan(15);
      expect(within).toBeLessThan(45);
    }
  });

  it('chooses groups of neighboring rows in files that are read in blocks, more of them for more', () => {
    const some = chooseGroups(10_000, 1000);
    expect(new Set(some).size).toBe(1000);
    expect([...some]).toEqual([...some].sort((a, b) => a - b));
    expect(new Set(Array.from(some, (row) => Math.floor(row / 256))).size).toBeLessThanOrEqual(5);
    const more = new Set(chooseGroups(10_000, 5000));
    expect([...some].every((row) => more.has(row))).toBe(true);
    expect([...chooseGroups(300, 300)]).toEqual([...Array(300).keys()]);
  });

  it('chooses a few of 100 million rows without an array of all', () => {
    const some = chooseRows(100_000_000, 1000);
    expect(new Set(some).size).toBe(1000);
    expect(some.at(-1)).toBeLessThan(100_000_000);
  });

  it('takes the classes from the labels of the split', async () => {
    using dataset = await openDataset(join(root, 'data'));
    const { data } = await tinyConfig('data.limitTrain=6');
    const split = await limitSplit(dataset.split('train'), data);
    const labels = (await split.column('label')) as number[];
    expect(labels.sort()).toEqual([0, 0, 1, 1, 2, 2]);
  });

  it('takes its share of the rows that a filter leaves', async () => {
    using dataset = await openDataset(join(root, 'data'));
    const { data } = await tinyConfig('data.limitTrain=3', 'data.filter=label = 2 and concept > 3');
    const split = await limitSplit(dataset.split('train'), data);
    expect(await split.column('label')).toEqual([2, 2, 2]);
    expect(((await split.column('concept')) as number[]).every((concept) => concept > 3)).toBe(true);
  });

  it('shortens epochs, is told, and cannot change when a run continues', async () => {
    const said: string[] = [];
    const listener = { say: (message: string) => said.push(message) };
    const set = ['data.limitTrain=50%', 'training.maxSteps=5'];
    await trainTiny(root, { name: 'half', set, listener });
    expect(said.join('\n')).toContain('12 of 24 rows of tiny');
    expect(said.join('\n')).toContain('2.5 epochs, 5 steps of 6 rows');
    // 12 of 24 rows are 2 batches of 6.
    expect((await lastOf('half')).state).toMatchObject({ epoch: 2, batch: 1, data: { rows: 12, batchesPerEpoch: 2 } });
    expect(await fs.readFile(folder('half').report, 'utf8')).toContain('12 of 24');
    await trainTiny(root, { name: 'half-stopped', set, stopAfter: 3 });
    await trainTiny(root, { name: 'half-stopped', set, resume: true });
    expect(await weightsOf('half-stopped')).toEqual(await weightsOf('half'));
    await expect(trainTiny(root, { name: 'half', set: ['training.maxSteps=6'], resume: true })).rejects.toThrow(
      'data.limitTrain was 0.5, is null',
    );
  });
});
