/**
 * npm run sweep with real runs: it is interrupted at random moments, by kills and at last by Ctrl-C, and in the end its results are those
 * of a sweep that was never interrupted. TESSERA_KILLS is the number of interruptions (at most 20), TESSERA_SEED the seed of the moments.
 */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CounterRandom, purpose } from '@tessera/data';
import { writeTinyDataset } from '@tessera/data/testing';
import { RunFolder, trainSweepRun } from '@tessera/train';
import { readMetrics, withoutTiming } from '@tessera/train/loop';
import { parseSweep, planSweep, runSweep, type SweepPlan, type SweepResults } from '@tessera/train/sweep';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseBackend } from './lib/command.ts';
import { type Outcome, outcome, start } from './testing/commands.ts';

const interruptions = Math.min(20, Number(process.env.TESSERA_KILLS ?? 2));
const seed = Number(process.env.TESSERA_SEED ?? Date.now() % 1e6);

const settings = `
preset: tiny
settings:
  data: { workers: 0, dataset: data }
  tokenizer.vocabularySize: 560
  model: { embedDim: 8, vision: { width: 8 }, text: { width: 8, contextLength: 10 } }
  training.batchSize: 6
  schedule.warmupSteps: 1
  evaluation: { batchSize: 6, everyEpochs: null }
  checkpoints.everySteps: 2
  runtime: { peakGflops: 1, backend: wasm }
parallel: 2
`;

const halving = `${settings}
method: successive-halving
parameters: { optimizer.lr: { distribution: log-uniform, min: 1e-3, max: 1e-1 } }
configurations: 3
eta: 3
maxEpochs: 3
`;

let root: string;
beforeAll(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'sweep-'));
  await writeTinyDataset(join(root, 'data'));
});
afterAll(() => fs.rm(root, { recursive: true }));

const planOf = (name: string, text: string): SweepPlan =>
  planSweep({ definition: parseSweep(text, `${name}.yaml`), path: `${name}.yaml`, name, shared: null });

/** Writes the file of a sweep and returns its name. */
async function fileOf(name: string, text: string): Promise<string> {
  await fs.writeFile(join(root, `${name}.yaml`), text);
  return `${name}.yaml`;
}

interface Interruption {
  readonly signal: NodeJS.Signals;
  /** The number of results after which it comes. */
  readonly results: number;
  readonly milliseconds: number;
}

/** Starts or continues a sweep, and interrupts it. */
async function sweep(file: string, interruption: Interruption | null): Promise<Outcome> {
  const child = start(root, 'sweep', [file, '--folder', file.replace('.yaml', '')]);
  if (interruption !== null) {
    const { signal, results, milliseconds } = interruption;
    let text = '';
    let isDue = false;
    child.stderr.on('data', (chunk) => {
      text += chunk;
      const count = text.match(/: imageToTextR1 /g)?.length ?? 0;
      if (isDue || !text.includes('at a time') || count < results) return;
      isDue = true;
      setTimeout(() => child.kill(signal), milliseconds);
    });
  }
  return outcome(child);
}

const resultsIn = async (name: string): Promise<SweepResults> =>
  JSON.parse(await fs.readFile(join(root, name, 'results.json'), 'utf8'));

/** Results without what depends on time. */
const untimed = (results: SweepResults): unknown =>
  JSON.parse(JSON.stringify(results), (key, value) => (key === 'seconds' ? undefined : value));

/** All that the runs of a sweep leave that depends only on their settings and data: the numbers of each step, and the weights. */
async function traces(name: string, { configurations }: SweepResults): Promise<unknown> {
  const folders = configurations.flatMap(({ runs }) => runs.map(({ folder }) => folder));
  const entries = folders.map(async (folder) => {
    const files = new RunFolder(join(root, name, folder));
    const metrics = (await readMetrics(files.metrics)).map(withoutTiming);
    return [folder, { metrics, model: await fs.readFile(files.model, 'base64').catch(() => null) }];
  });
  return Object.fromEntries(await Promise.all(entries));
}

it(`${interruptions} interruptions change nothing (seed ${seed})`, {
  timeout: 300_000 + interruptions * 60_000,
}, async () => {
  const file = await fileOf('halving', halving);
  await chooseBackend('wasm', 1);
  const whole = await runSweep({
    plan: planOf('halving', halving),
    name: 'halving',
    folder: join(root, 'whole'),
    parallel: 1,
    train: ({ run, epochs }, { folder, signal, onProgress }) =>
      trainSweepRun(
        { config: run.config, dataset: join(root, 'data'), folder, epochs, threads: 1 },
        { signal, onProgress, say: () => undefined },
      ),
  });
  expect(whole.configurations.map(({ epochs }) => epochs)).toEqual([3, 1, 1]);

  const random = new CounterRandom(seed, purpose.order, 0);
  for (let done = 1; done <= interruptions; done++) {
    // Of the four results that there are without interruptions. Most of the time, children load their modules.
    const [results, milliseconds] = [random.below(3), random.uniform(0, 1200)];
    const signal = done === interruptions ? 'SIGINT' : 'SIGKILL';
    const { out, status, err } = await sweep(file, { signal, results, milliseconds });
    // It was complete before it was interrupted: the next interruption is that of a new sweep.
    if (status === 0) {
      expect(untimed(await resultsIn('halving')), `seed ${seed}`).toEqual(untimed(whole));
      await fs.rm(join(root, 'halving'), { recursive: true });
      continue;
    }
    expect(status, `seed ${seed}, interruption ${done}: ${err}`).toBe(signal === 'SIGINT' ? 130 : null);
    if (signal === 'SIGINT')
      expect(out).toContain('stopped; the same command continues:\n  npm run sweep -- halving.yaml --folder halving');
  }
  const { status, out, err } = await sweep(file, null);
  expect(status, err).toBe(0);
  expect(out).toMatch(/^successive halving, seed 0; best is the largest imageToTextR1$/m);
  expect(out).toMatch(/^1 +0\.\d+ +0\.\d+ +3 +\d/m);
  expect(untimed(await resultsIn('halving')), `seed ${seed}`).toEqual(untimed(whole));
  expect(await traces('halving', whole), `seed ${seed}`).toEqual(await traces('whole', whole));
});

it('the crash of a run fails that run alone', async () => {
  const text = `${settings}\nmethod: grid\nparameters: { optimizer.lr: [1e-2, 1e-3] }`;
  const file = await fileOf('failing', text);
  const folder = planOf('failing', text).configurations[0]?.runs[0]?.folder ?? '';
  const ended = sweep(file, null);
  const holder = (): Promise<number> =>
    fs.readFile(join(root, 'failing', folder, 'run.lock'), 'utf8').then(
      (text) => JSON.parse(text).pid,
      () => 0,
    );
  await expect.poll(holder, { timeout: 110_000, interval: 1 }).toBeGreaterThan(0);
  process.kill(await holder(), 'SIGKILL');
  const { status, err } = await ended;
  expect(status).toBe(1);
  expect(err).toMatch(/^1 run failed: its process was ended by SIGKILL.*\n {2}lr=0\.01_seed=0_/m);
  const { configurations } = await resultsIn('failing');
  expect(configurations.map(({ runs }) => runs[0]?.status)).toEqual(['finished', 'failed']);
});

describe('a mistake', () => {
  it.each([
    [['nothing.yaml'], 'nothing.yaml: there is no such file'],
    [['wrong.yaml'], 'wrong.yaml: settings: optimizer.lrr: there is no such setting; did you mean optimizer.lr?'],
  ])('%j is answered with one clear message', async (args, message) => {
    await fileOf(
      'wrong',
      `${settings}\n  optimizer.lrr: 1\nmethod: grid\nparameters: { optimizer.lr: [1] }`.replace('parallel: 2\n\n', ''),
    );
    const { status, err } = await outcome(start(root, 'sweep', args));
    expect(err).toContain(message);
    expect(err).not.toContain('    at ');
    expect(status).toBe(2);
  });
});
