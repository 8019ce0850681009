/** Whole runs: files, reproducibility, interruptions. */
import { spawn } from 'node:child_process';
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTinyDataset } from '@tessera/data/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RetrievalResult } from './evaluation/retrieval/evaluate.ts';
import { loadRun } from './load-run.ts';
import { readMetrics, withoutTiming } from './loop/metrics-file.ts';
import { RunFolder } from './run-folder/run-folder.ts';
import { useTestBackend } from './testing/backend.ts';
import { trainTiny } from './testing/train-tiny.ts';

let root: string;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'train-'));
  await writeTinyDataset(join(root, 'data'));
});
afterAll(() => fs.rm(root, { recursive: true }));

/** A run's metrics without the values that depend on time. */
async function numbersOf(name: string): Promise<unknown[]> {
  return (await readMetrics(new RunFolder(join(root, name)).metrics)).map(withoutTiming);
}

const modelOf = (name: string): Promise<Buffer> => fs.readFile(new RunFolder(join(root, name)).model);

describe('a run', () => {
  const set = ['checkpoints.everySteps=3', 'evaluation.everyEpochs=1', 'evaluation.pixelBaseline=true'];

  it('leaves everything in its folder', async () => {
    const result = await trainTiny(root, { name: 'whole', set });
    expect(result).toMatchObject({ finished: true, steps: 8, totalSteps: 8, skippedRows: 0 });
    const folder = new RunFolder(join(root, 'whole'));
    expect((await fs.readdir(folder.path)).sort()).toEqual([
      'checkpoints',
      'config.yaml',
      'environment.json',
      'evaluation.json',
      'metrics.jsonl',
      'model.safetensors',
      'report.html',
      'samples',
      'tokenizer.json',
    ]);
    expect((await fs.readdir(folder.samples)).sort()).toEqual([
      ...['retrieval-test.json', 'retrieval-test.png', 'training-batch.json', 'training-batch.png'],
    ]);
    const records = await readMetrics(folder.metrics);
    expect(records.map(({ kind, step }) => `${kind} ${step}`)).toEqual([
      ...['step 1', 'step 2', 'step 3', 'step 4', 'evaluation 4'],
      ...['step 5', 'step 6', 'step 7', 'step 8', 'evaluation 8'],
    ]);
    expect(records[0]).toEqual({
      kind: 'step',
      step: 1,
      epoch: 0.25,
      loss: expect.any(Number),
      lr: 2e-3,
      gradNorm: expect.any(Number),
      logitScale: expect.closeTo(1 / 0.07, 3),
      imagesPerSecond: expect.any(Number),
      mfu: expect.any(Number),
      seconds: expect.any(Number),
      time: expect.closeTo(Date.now() / 1000, -3),
      memory: expect.any(Number),
    });
    const [test] = (result.results ?? []) as RetrievalResult[];
    expect(test?.metrics.chance.imageToText.r1).toBeCloseTo(1 / 12, 6);
    // The test pictures are training pictures, so raw pixels find them all.
    expect(test?.pixels?.imageToText.r1).toBe(1);
    expect(JSON.parse(await fs.readFile(folder.evaluation, 'utf8')).retrieval[0].split).toBe('test');
    expect(await fs.readFile(folder.environment, 'utf8')).toContain('"Backend"');
  });

  it('is reproducible bit for bit', async () => {
    await trainTiny(root, { name: 'again', set });
    expect(await numbersOf('again')).toEqual(await numbersOf('whole'));
    expect(await modelOf('again')).toEqual(await modelOf('whole'));
  });

  it('that was stopped within an epoch continues bit for bit', async () => {
    const stopped = await trainTiny(root, { name: 'stopped', set, stopAfter: 2 });
    expect(stopped).toMatchObject({ finished: false, steps: 2, results: null });
    expect(await trainTiny(root, { name: 'stopped', set, resume: true, stopAfter: 5 })).toMatchObject({ steps: 5 });
    expect(await trainTiny(root, { name: 'stopped', set, resume: true })).toMatchObject({ finished: true, steps: 8 });
    expect(await numbersOf('stopped')).toEqual(await numbersOf('whole'));
    expect(await modelOf('stopped')).toEqual(await modelOf('whole'));
  });

  it('that stops after an epoch is evaluated there, and continues as one that never stopped', async () => {
    // The plateau counts evaluations: that of the stop must not count.
    const few = [...set, 'training.epochs=3', 'evaluation.everyEpochs=2', 'schedule.kind=plateau'];
    const plateau = [...few, 'schedule.patience=0', 'schedule.threshold=1', 'schedule.thresholdMode=abs'];
    await trainTiny(root, { name: 'never', set: plateau });
    const first = await trainTiny(root, { name: 'until', set: plateau, untilEpoch: 1 });
    expect(first).toMatchObject({ finished: false, steps: 4, totalSteps: 12, results: [{ split: 'test' }] });
    const records = await readMetrics(new RunFolder(join(root, 'until')).metrics);
    expect(records.at(-1)).toMatchObject({ kind: 'evaluation', step: 4, values: first.results?.[0]?.values });
    // Killed before its evaluation: the result is the same.
    const again = await trainTiny(root, { name: 'until', set: plateau, untilEpoch: 1, resume: true });
    expect(again.results?.[0]?.values).toEqual(first.results?.[0]?.values);
    const last = await trainTiny(root, { name: 'until', set: plateau, untilEpoch: 3, resume: true });
    expect(last).toMatchObject({ finished: true, steps: 12 });
    expect(await numbersOf('until')).toEqual(await numbersOf('never'));
    expect(await modelOf('until')).toEqual(await modelOf('never'));
  });

  it('that was killed within an epoch continues bit for bit', async () => {
    const source = `
      import { useTestBackend } from ${JSON.stringify(new URL('./testing/backend.ts', import.meta.url).href)};
      import { tinyConfig } from ${JSON.stringify(new URL('./testing/tiny-run.ts', import.meta.url).href)};
      import { RunFolder } from ${JSON.stringify(new URL('./run-folder/run-folder.ts', import.meta.url).href)};
      import { trainModel } from ${JSON.stringify(new URL('./train-model.ts', import.meta.url).href)};
      useTestBackend();
      const [path, ...set] = ${JSON.stringify([root, ...set])};
      await trainModel({ config: await tinyConfig(...set), dataset: path + '/data', folder: new RunFolder(path + '/killed'), resume: null });
    `;
    const child = spawn(process.execPath, ['--conditions=tessera-source', '--input-type=module', '--eval', source], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const exited = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    const steps = () =>
      readMetrics(new RunFolder(join(root, 'killed')).metrics).then(
        (records) => records.filter(({ kind }) => kind === 'step').length,
        () => 0,
      );
    // After the checkpoint of step 3.
    await expect.poll(steps, { timeout: 60_000, interval: 5 }).toBeGreaterThanOrEqual(4);
    child.kill('SIGKILL');
    expect(await exited).toBe('SIGKILL');
    expect(await trainTiny(root, { name: 'killed', set, resume: true })).toMatchObject({ finished: true });
    expect(await numbersOf('killed')).toEqual(await numbersOf('whole'));
    expect(await modelOf('killed')).toEqual(await modelOf('whole'));
  });

  it('is not overwritten', async () => {
    await expect(trainTiny(root, { name: 'whole' })).rejects.toThrow(
      /whole: contains a run already; continue it with --resume/,
    );
  });

  it('can be loaded for evaluation', async () => {
    const loaded = await loadRun(join(root, 'whole'));
    expect(loaded.task.name).toBe('contrastive');
    expect(loaded.checkpoint.state).toMatchObject({ step: 8, epoch: 2, batch: 0 });
  });
});
