/**
 * Runs that are killed with SIGKILL again and again, at random and at chosen moments: each ends with the bits of an uninterrupted run.
 * TESSERA_KILLS is the number of kills (default 20, nightly 200), TESSERA_SEED the seed of the moments.
 */
import { spawn } from 'node:child_process';
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { CounterRandom, purpose } from '@tessera/data';
import { writeTinyDataset } from '@tessera/data/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readMetrics, withoutTiming } from './loop/metrics-file.ts';
import { RunFolder } from './run-folder/run-folder.ts';

const kills = Number(process.env.TESSERA_KILLS ?? 20);
const seed = Number(process.env.TESSERA_SEED ?? Date.now() % 1e6);

const child = fileURLToPath(new URL('testing/kill-child.ts', import.meta.url));
const settings = [
  ...['training.epochs=3', 'checkpoints.everySteps=2', 'evaluation.everyEpochs=1'],
  ...['checkpoints.best=2', 'checkpoints.model=best'],
];

/** Events after which a run is killed: between steps, while a checkpoint or a report is written, while it evaluates. */
const moments = [
  'begin',
  'step 1',
  'step 2',
  'checkpoint 2',
  'step 4',
  'checkpoint 4',
  'evaluation 4',
  'step 7',
  'checkpoint 12',
  'evaluation 12',
];

let root: string;
beforeAll(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'kill-'));
  await writeTinyDataset(join(root, 'data'));
});
afterAll(() => fs.rm(root, { recursive: true }));

/** When a process is killed: some milliseconds after its start, or after an event. */
interface Moment {
  readonly after: string | null;
  readonly milliseconds: number;
}

/** Starts or continues a run. Whether the process ended by itself, and after how many milliseconds. */
async function train(
  name: string,
  moment: Moment | null,
): Promise<{ readonly finished: boolean; readonly took: number }> {
  const started = performance.now();
  const process_ = spawn(process.execPath, ['--conditions=tessera-source', child, root, name, ...settings], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  process_.stderr.on('data', (text) => {
    errors += text;
  });
  const kill = (): void => {
    setTimeout(() => process_.kill('SIGKILL'), moment?.milliseconds ?? 0);
  };
  if (moment?.after === null) kill();
  createInterface(process_.stdout).on('line', (line) => {
    if (line === moment?.after) kill();
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    process_.on('close', (...end) => resolve(end));
  });
  if (code !== 0 && signal !== 'SIGKILL')
    throw new Error(`seed ${seed}, run ${name}: ended with ${code ?? signal}: ${errors}`);
  return { finished: code === 0, took: performance.now() - started };
}

/** All that a run leaves which depends only on its settings and data. */
async function traces(name: string): Promise<unknown> {
  const folder = new RunFolder(join(root, name));
  const [model, best, evaluation, names] = await Promise.all([
    fs.readFile(folder.model, 'base64'),
    fs.readFile(folder.bestCheckpoint, 'base64'),
    fs.readFile(folder.evaluation, 'utf8'),
    fs.readdir(folder.checkpoints),
  ]);
  // A killed process may leave a file with a temporary name.
  const checkpoints = names.filter((name) => name.endsWith('.safetensors')).sort();
  const metrics = (await readMetrics(folder.metrics)).map(withoutTiming);
  return { model, best, evaluation, checkpoints, metrics };
}

it(`${kills} kills change nothing (seed ${seed})`, { timeout: 60_000 + kills * 15_000 }, async () => {
  const { took } = await train('whole', null);
  const expected = await traces('whole');
  const random = new CounterRandom(seed, purpose.order, 0);
  let killed = 0;
  for (let run = 0; killed < kills; run++) {
    const name = `run-${run}`;
    for (let finished = false; !finished; ) {
      const chosen = random.uniform() < 0.5 ? null : (moments[random.below(moments.length)] as string);
      const moment = { after: chosen, milliseconds: random.uniform(0, chosen === null ? took : 8) };
      ({ finished } = await train(name, killed < kills ? moment : null));
      if (!finished) killed++;
    }
    expect(await traces(name), `seed ${seed}, ${name}`).toEqual(expected);
  }
});
