/** The logger of docs/training.md writes what MLflow reads. Where Python has mlflow (TESSERA_MLFLOW=PYTHON), it is asked too. */
import { execFile } from 'node:child_process';
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { writeTinyDataset } from '@tessera/data/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readMetrics } from './loop/metrics-file.ts';

const page = fileURLToPath(new URL('../../../docs/training.md', import.meta.url));
const execute = promisify(execFile);
const python = process.env.TESSERA_MLFLOW;

let root: string;
let run: string;

/** Settings that make the preset of the example small, its data set, and its folders. */
const replacements = (): readonly (readonly [string, string])[] => [
  [
    "'training.epochs=2'",
    "'training.epochs=2', 'training.batchSize=6', 'data.workers=0', 'runtime.peakGflops=1', 'tokenizer.vocabularySize=560', 'model.text.contextLength=10'",
  ],
  ['datasets/built/emoji', join(root, 'data')],
  ['runs/logged', join(root, 'logged')],
  ["MLflowLogger('mlruns')", `MLflowLogger('${join(root, 'mlruns')}')`],
];

beforeAll(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'logger-example-'));
  await writeTinyDataset(join(root, 'data'));
  const text = await fs.readFile(page, 'utf8');
  const section = text.slice(text.indexOf('## Logging elsewhere'));
  let program = /```ts\n(.*?)```/s.exec(section)?.[1] ?? '';
  for (const [from, to] of replacements()) {
    expect(program).toContain(from);
    program = program.replace(from, to);
  }
  await execute(
    process.execPath,
    ['--conditions=tessera-source', '--input-type=module-typescript', '--eval', program],
    { cwd: fileURLToPath(new URL('..', import.meta.url)) },
  );
  const [name] = (await fs.readdir(join(root, 'mlruns', '0'))).filter((file) => file !== 'meta.yaml');
  run = join(root, 'mlruns', '0', name as string);
}, 60_000);
afterAll(() => fs.rm(root, { recursive: true }));

it('has the numbers of metrics.jsonl, the settings, and the pictures', async () => {
  const steps = (await readMetrics(join(root, 'logged', 'metrics.jsonl'))).filter(({ kind }) => kind === 'step');
  const lines = (await fs.readFile(join(run, 'metrics', 'train', 'loss'), 'utf8')).trim().split('\n');
  expect(lines.map((line) => line.split(' ').map(Number).slice(1))).toEqual(
    steps.map(({ step, loss }) => [loss, step]),
  );
  expect(parse(await fs.readFile(join(run, 'meta.yaml'), 'utf8'))).toMatchObject({ run_name: 'logged', status: 3 });
  expect(await fs.readFile(join(run, 'params', 'training.batchSize'), 'utf8')).toBe('6');
  expect(await fs.readdir(join(run, 'artifacts', 'step-1'))).toEqual(['training-batch.png']);
});

it.skipIf(python === undefined)(
  'is read by MLflow (TESSERA_MLFLOW)',
  async () => {
    const program = `
import json, os, sys
from mlflow.tracking import MlflowClient
client = MlflowClient(tracking_uri="file://" + sys.argv[1])
run, = client.search_runs(["0"])
history = client.get_metric_history(run.info.run_id, "train/loss")
print(json.dumps([run.info.status, run.info.run_name, run.data.params["training.batchSize"], [m.step for m in history],
                  [f.path for f in client.list_artifacts(run.info.run_id)]]))`;
    const { stdout } = await execute(python as string, ['-c', program, join(root, 'mlruns')], {
      env: { ...process.env, MLFLOW_ALLOW_FILE_STORE: 'true' },
    });
    const artifacts = ['step-1', 'step-8'];
    expect(JSON.parse(stdout)).toEqual(['FINISHED', 'logged', '6', [1, 2, 3, 4, 5, 6, 7, 8], artifacts]);
  },
  120_000,
);
