/** Dry runs: what they find, and that they leave nothing. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTinyDataset } from '@tessera/data/testing';
import { readTensors } from '@tessera/weights';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type DryRunResult, dryRun } from './dry-run.ts';
import { loadConfig } from './load-config.ts';
import { readCheckpoint } from './loop/checkpoint.ts';
import { RunFolder } from './run-folder/run-folder.ts';
import { useTestBackend } from './testing/backend.ts';
import { tinyConfig } from './testing/tiny-run.ts';
import { trainTiny } from './testing/train-tiny.ts';
import type { TrainingRequest } from './train-model.ts';

let root: string;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'dry-run-'));
  await writeTinyDataset(join(root, 'data'));
  await writeTinyDataset(join(root, 'damaged'), { damaged: [3] });
  await fs.mkdir(join(root, 'tmp'));
  vi.stubEnv('TMPDIR', join(root, 'tmp'));
});
afterEach(async () => {
  // Whatever happened, nothing is left.
  expect(await fs.readdir(join(root, 'tmp'))).toEqual([]);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await fs.rm(root, { recursive: true });
});

const folder = (name: string): RunFolder => new RunFolder(join(root, name));

async function tryTiny(set: readonly string[], request: Partial<TrainingRequest> = {}): Promise<DryRunResult | null> {
  const config = await tinyConfig(...set);
  return dryRun({ config, dataset: join(root, 'data'), folder: folder('new'), resume: null, ...request });
}

/** Every file below a folder, with its size and the time of its last change. */
async function contentsOf(path: string): Promise<Record<string, unknown>> {
  const names = (await fs.readdir(path, { recursive: true })).sort();
  const entries = names.map(async (name) => {
    const { size, mtimeMs } = await fs.stat(join(path, name));
    return [name, [size, mtimeMs]];
  });
  return Object.fromEntries(await Promise.all(entries));
}

describe('a dry run', () => {
  it('counts and measures everything that the run will do', async () => {
    const said: string[] = [];
    const set = ['evaluation.pixelBaseline=true', 'training.maxSteps=10', 'evaluation.everyEpochs=1'];
    const found = await tryTiny(set, { listener: { say: (message) => said.push(message) } });
    expect(said.join()).toContain('24 rows of tiny');
    expect(found?.runs).toHaveLength(1);
    const [run] = found?.runs ?? [];
    // An epoch has 4 steps: evaluations after steps 4, 8 and 10.
    expect(run?.work).toEqual({ firstEpochSteps: 4, laterSteps: 6, evaluations: 2, checkpoints: 3 });
    const { measured, time, memory } = run ?? {};
    expect(measured).toMatchObject({
      remainingSteps: 10,
      batchesPerEpoch: 4,
      evaluation: { examples: 12, baselineExamples: 24 + 12 },
    });
    for (const seconds of [time?.firstEpochStep, time?.laterStep, time?.checkpoint, time?.finalEvaluation, time?.end])
      expect(seconds).toBeGreaterThan(0);
    expect(found?.seconds).toBe(time?.total);
    expect(found?.peakBytes).toBe(memory?.peak);
    expect(found?.peakBytes).toBeGreaterThan(2 ** 26);
    expect(found?.disk.free).toBeGreaterThan(0);
    await expect(fs.access(folder('new').path)).rejects.toThrow('ENOENT');

    await trainTiny(root, { name: 'real', set });
    const stored = await readTensors(folder('real').model);
    const weights = stored.names.reduce(
      (sum, name) => sum + (stored.select((n) => (n === name ? n : null)).get(name)?.size ?? 0),
      0,
    );
    expect(measured?.parameters).toBe(weights);
    expect(measured?.state).toEqual({ model: 4 * weights, optimizer: expect.any(Number), averages: 0 });
    // AdamW has two moments of each parameter, and a few numbers.
    expect(measured?.state.optimizer).toBeGreaterThanOrEqual(8 * weights);
    expect(measured?.state.optimizer).toBeLessThan(8 * weights + 100);
  });

  it('includes a model that is trained first', async () => {
    const config = await loadConfig({
      preset: 'deit',
      set: [
        'model={imageSize: 32, patchSize: 8, width: 16, layers: 1, heads: 2}',
        'teacher={epochs: 2, model: {embedDim: 8, vision: {imageSize: 32, width: 4}}}',
        ...['data.workers=0', 'training.batchSize=12', 'training.epochs=3', 'runtime.peakGflops=1'],
      ],
    });
    const found = await dryRun({ config, dataset: join(root, 'data'), folder: folder('new'), resume: null });
    expect(found?.runs.map(({ measured }) => [measured.run.config.name, measured.remainingSteps])).toEqual([
      ['deit-teacher', 4],
      ['deit', 6],
    ]);
    const [teacher = 0, student = 0] = found?.runs.map(({ time }) => time.total) ?? [];
    expect(found?.seconds).toBeCloseTo(teacher + student, 9);
  });

  it('of an interrupted run counts what is left, and changes nothing in its folder', async () => {
    await trainTiny(root, { name: 'stopped', stopAfter: 3 });
    const before = await contentsOf(folder('stopped').path);
    const path = await folder('stopped').latestCheckpoint();
    const resume = await readCheckpoint(path ?? '');
    const found = await tryTiny([], { folder: folder('stopped'), resume });
    expect(found?.runs[0]?.measured.remainingSteps).toBe(5);
    expect(await contentsOf(folder('stopped').path)).toEqual(before);
    await trainTiny(root, { name: 'stopped', resume: true });
    await trainTiny(root, { name: 'whole' });
    expect(await fs.readFile(folder('stopped').model)).toEqual(await fs.readFile(folder('whole').model));
  });

  it.each<[string[], string, string]>([
    [['schedule.warmupSteps=9'], 'data', 'schedule.warmupSteps is 9, longer than the whole run of 8 steps'],
    [['training.batchSize=25'], 'data', '24 rows do not fill one batch of 25'],
    [['data.columns.image=picture'], 'data', 'no column "picture" for image'],
    [['data.strict=true'], 'damaged', 'row 3: the image cannot be decoded'],
    [['evaluation.splits=[validation]'], 'data', 'no split "validation"'],
    [[], 'nothing', 'there is no such directory'],
  ])('%j with the data set %s fails as the run would', async (set, dataset, message) => {
    await expect(tryTiny(set, { dataset: join(root, dataset) })).rejects.toThrow(message);
    await expect(fs.access(folder('new').path)).rejects.toThrow('ENOENT');
  });

  it('is refused for a folder that has a run, or that cannot be written', async () => {
    await fs.mkdir(folder('full').path);
    await fs.writeFile(folder('full').config, 'task: contrastive\n');
    await expect(tryTiny([], { folder: folder('full') })).rejects.toThrow('contains a run already');
    await fs.writeFile(join(root, 'file'), '');
    await expect(tryTiny([], { folder: folder('file/run') })).rejects.toThrow('is not a folder');
  });

  it.each(['tiny:', 'ends'])('that is stopped (%s) returns null', async (moment) => {
    const controller = new AbortController();
    if (moment === 'ends') controller.abort();
    const say = (message: string): void => {
      if (message.startsWith(moment)) controller.abort();
    };
    expect(await tryTiny([], { signal: controller.signal, listener: { say } })).toBeNull();
  });
});
