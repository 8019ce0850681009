/**
 * A sweep of real runs in processes of their own: its process is killed at random moments, and in the end the results are those of a
 * sweep that was never interrupted. TESSERA_KILLS is the number of kills, TESSERA_SEED the seed of the moments.
 */
import { spawn } from 'node:child_process';
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CounterRandom, purpose } from '@tessera/data';
import { writeTinyDataset } from '@tessera/data/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readMetrics } from './loop/metrics-file.ts';
import { RunFolder } from './run-folder/run-folder.ts';
import { parseSweep, planSweep, runSweep, type SweepResults } from './sweep/index.ts';
import { useTestBackend } from './testing/backend.ts';
import { trainSweepRun } from './train-sweep-run.ts';

const kills = Math.min(20, Number(process.env.TESSERA_KILLS ?? 2));
const seed = Number(process.env.TESSERA_SEED ?? Date.now() % 1e6);

const compileCache = fileURLToPath(new URL('../../../node_modules/.cache/tessera-sources', import.meta.url));

const settings = `
preset: tiny
settings:
  data: { workers: 0, dataset: data }
  tokenizer.vocabularySize: 560
  model: { embedDim: 8, vision: { width: 8 }, text: { width: 8, contextLength: 10 } }
  training: { batchSize: 6 }
  schedule.warmupSteps: 1
  evaluation.batchSize: 6
  checkpoints.everySteps: 2
  runtime.peakGflops: 1
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
let data: string;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'sweep-'));
  data = join(root, 'data');
  await writeTinyDataset(data);
});
afterAll(() => fs.rm(root, { recursive: true }));

/**
 * Starts or continues a sweep in a process, and returns the lines that it writes. Ends it with a signal: some milliseconds after its line
 * number `after`, or at the first line that matches.
 */
async function sweep(
  text: string,
  name: string,
  end: {
    readonly signal: NodeJS.Signals;
    readonly after: number | RegExp;
    readonly milliseconds?: number;
  } | null = null,
): Promise<string[]> {
  const file = join(root, `${name}.yaml`);
  await fs.writeFile(file, text);
  const parent = fileURLToPath(new URL('testing/sweep-parent.ts', import.meta.url));
  const child = spawn(process.execPath, ['--conditions=tessera-source', parent, file, data, join(root, name)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Loading the sources is most of the time of such a short run.
    env: { ...process.env, NODE_COMPILE_CACHE: compileCache },
  });
  let out = '';
  let errors = '';
  let isEnding = false;
  const endIfDue = (): void => {
    if (end === null || isEnding) return;
    const { after, signal, milliseconds = 0 } = end;
    isEnding = typeof after === 'number' ? out.split('\n').length > after : after.test(out);
    if (isEnding) setTimeout(() => child.kill(signal), milliseconds);
  };
  endIfDue();
  child.stdout.on('data', (chunk) => {
    out += chunk;
    endIfDue();
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const [status, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.on('close', (...how) => resolve(how));
  });
  if (status !== 0 && signal !== end?.signal) throw new Error(`seed ${seed}: ${name} ended with ${status}: ${errors}`);
  return out.trimEnd().split('\n');
}

const resultsIn = async (name: string): Promise<SweepResults> =>
  JSON.parse(await fs.readFile(join(root, name, 'results.json'), 'utf8'));

/** Results without what depends on time. */
const untimed = (results: SweepResults): unknown =>
  JSON.parse(JSON.stringify(results), (key, value) => (key === 'seconds' ? undefined : value));

/** All that the runs of a sweep leave that depends only on their settings and data. */
async function traces(name: string, { configurations }: SweepResults): Promise<unknown> {
  const folders = configurations.flatMap(({ runs }) => runs.map(({ folder }) => folder));
  const entries = folders.map(async (folder) => {
    const files = new RunFolder(join(root, name, folder));
    const metrics = (await readMetrics(files.metrics)).map(({ imagesPerSecond, mfu, ...rest }) => rest);
    const model = await fs.readFile(files.model, 'base64').catch(() => null);
    return [folder, { metrics: metrics.filter(({ kind }) => kind === 'step'), model }];
  });
  return Object.fromEntries(await Promise.all(entries));
}

it(`${kills} kills of a sweep change nothing (seed ${seed})`, { timeout: 60_000 + kills * 15_000 }, async () => {
  const definition = parseSweep(halving, 'sweep.yaml');
  const plan = planSweep({ definition, path: 'sweep.yaml', name: 'sweep', shared: null });
  const expected = await runSweep({
    plan,
    name: 'sweep',
    folder: join(root, 'whole'),
    parallel: 1,
    train: ({ run, epochs }, { folder, signal, onProgress }) =>
      trainSweepRun(
        { config: run.config, dataset: data, folder, epochs, threads: 1 },
        { signal, onProgress, say: () => undefined },
      ),
  });
  expect(expected.configurations.map(({ epochs }) => epochs)).toEqual([3, 1, 1]);

  const random = new CounterRandom(seed, purpose.order, 0);
  for (let killed = 0; killed < kills; killed++) {
    // Line 0 is the start of the process; an uninterrupted sweep has about 15 lines.
    const after = random.below(10);
    await sweep(halving, 'killed', { signal: 'SIGKILL', after, milliseconds: random.uniform(0, 200) });
  }
  const lines = await sweep(halving, 'killed');
  expect(lines.at(-1)).toBe('complete');
  expect(untimed(await resultsIn('killed'))).toEqual(untimed(expected));
  expect(await traces('killed', expected)).toEqual(await traces('whole', expected));
});

it('a run whose process is killed fails alone, and Ctrl-C stops the others with checkpoints', async () => {
  const text = `${settings}\nmethod: grid\nparameters: { optimizer.lr: [13, 1e-3] }\n`;
  const lines = await sweep(text, 'failing', { signal: 'SIGINT', after: /^failed/m });
  expect(lines.at(-1)).toMatch(/^(complete|interrupted)$/);
  const { configurations } = await resultsIn('failing');
  const [failed, other] = [1, 2].map((wanted) => configurations.find(({ number }) => number === wanted)?.runs[0]);
  expect(failed).toMatchObject({ status: 'failed' });
  expect(failed?.message).toMatch(/^its process was ended by SIGKILL; its last output: /);
  expect(other?.status).toBe(lines.at(-1) === 'complete' ? 'finished' : 'waiting');
});
