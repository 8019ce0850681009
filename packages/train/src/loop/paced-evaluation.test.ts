/** Evaluations that are made where they take little time: the decision, and that training is the same with and without them. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTinyDataset } from '@tessera/data/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../load-config.ts';
import { useTestBackend } from '../testing/backend.ts';
import { runScripted, stepsPerEpoch } from '../testing/scripted-run.ts';
import { trainTiny } from '../testing/train-tiny.ts';
import { readCheckpoint } from './checkpoint.ts';
import { plannedInterval } from './evaluation-interval.ts';
import { readMetrics } from './metrics-file.ts';
import { type EvaluationPace, fittingInterval, PacedEvaluation } from './paced-evaluation.ts';

let root: string;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'paced-'));
  await writeTinyDataset(join(root, 'data'), { copies: 2 });
});
afterAll(() => fs.rm(root, { recursive: true }));

/** An evaluation that never ends by itself. */
const endless = (signal: AbortSignal): Promise<void> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason));
  });

const decided = (everyEpochs: number | null): EvaluationPace => ({
  everyEpochs,
  measuredAfter: 1,
  epochSeconds: 1,
  evaluationSeconds: 1,
});

describe('the decision', () => {
  it('is the smallest interval in which an evaluation takes at most a twentieth of the time', () => {
    expect([0, 0.5, 0.51, 1, 1.01, 30].map((seconds) => fittingInterval(seconds, 10))).toEqual([1, 1, 2, 2, 3, 60]);
  });

  it('is made once, said, and kept for later processes', async () => {
    const path = join(root, 'decision.json');
    const said: string[] = [];
    const pacing = await PacedEvaluation.open(path, (message) => said.push(message));
    const [first, second] = [1, 2].map((epoch) => ({ epoch, epochSeconds: 1e6, epochsLeft: 8 - epoch }));
    if (first === undefined || second === undefined) throw new Error('two ends');
    expect(pacing.isDue({ ...first, epochSeconds: null })).toBe(false);
    expect(pacing.isDue(first)).toBe(true);
    await pacing.run(first, undefined, async () => undefined);
    expect(said).toEqual([
      expect.stringMatching(/^evaluating after each epoch: an evaluation takes .* s, an epoch 1\.0e\+6 s/),
    ]);
    const later = await PacedEvaluation.open(path);
    expect(later.pace).toEqual(pacing.pace);
    // No time is measured again.
    expect(later.isDue({ ...second, epochSeconds: null })).toBe(true);
    await later.run({ ...second, epochSeconds: 1e-9 }, undefined, async () => undefined);
    expect((await PacedEvaluation.open(path)).pace).toEqual(pacing.pace);
  });

  it('is none before the end where the first takes longer than all may take, and it is stopped then', async () => {
    const path = join(root, 'slow.json');
    const said: string[] = [];
    const pacing = await PacedEvaluation.open(path, (message) => said.push(message));
    const end = { epoch: 1, epochSeconds: 0.001, epochsLeft: 2 };
    await pacing.run(end, undefined, endless);
    expect(said).toEqual([
      'evaluating only at the end: an evaluation takes more than 5 % of the run, an epoch 0.0010 s (evaluation.everyEpochs=auto)',
    ]);
    expect(pacing.isDue({ ...end, epoch: 2 })).toBe(false);
    expect((await PacedEvaluation.open(path)).isDue(end)).toBe(false);
  });

  it('waits where the run is interrupted or the evaluation fails, and a damaged file is measured again', async () => {
    const path = join(root, 'none.json');
    const said: string[] = [];
    const pacing = await PacedEvaluation.open(path, (message) => said.push(message));
    const end = { epoch: 1, epochSeconds: 1e6, epochsLeft: 2 };
    await expect(pacing.run(end, AbortSignal.abort(new Error('stop')), endless)).rejects.toThrow('stop');
    await pacing.run(end, undefined, () => Promise.reject(new Error('a broken image')));
    expect(said).toEqual([
      'the evaluation after epoch 1 failed; training goes on, and the next evaluation is the one at the end: a broken image',
    ]);
    expect(pacing.isDue(end)).toBe(false);
    await fs.writeFile(path, '{"everyEpochs": 0');
    const damaged = await PacedEvaluation.open(path, (message) => said.push(message));
    expect(said[1]).toContain('is measured again');
    expect(damaged.pace).toBeNull();
  });
});

it('auto means every epoch where something follows the evaluations', async () => {
  const interval = async (...set: string[]) => plannedInterval(await loadConfig({ preset: 'tiny', set }));
  expect(await interval()).toBeNull();
  for (const set of [
    'checkpoints.model=best',
    'checkpoints.best=3',
    'training.earlyStopping.patience=2',
    'schedule={kind: plateau}',
  ])
    expect(await interval(set), set).toBe(1);
  expect(await interval('evaluation.everyEpochs=null', 'checkpoints.model=best')).toBeNull();
  expect(await interval('evaluation.everyEpochs=3')).toBe(3);
});

describe('a run', () => {
  const settings = ['evaluation.everyEpochs=auto', 'training.epochs=4', 'ema.decay=0.5'];

  /** Trains with a decision that was made before. */
  async function train(name: string, everyEpochs: number | null, more: object = {}): Promise<void> {
    await fs.mkdir(join(root, name), { recursive: true });
    await fs.writeFile(join(root, name, 'evaluation-pace.json'), JSON.stringify(decided(everyEpochs)));
    await trainTiny(root, { name, set: settings, ...more });
  }
  const read = (name: string, file: string) => fs.readFile(join(root, name, file));
  const records = (name: string) => readMetrics(join(root, name, 'metrics.jsonl'));
  const evaluatedSteps = async (name: string) =>
    (await records(name)).flatMap(({ kind, step }) => (kind === 'evaluation' ? [step] : []));

  it('has the same weights, losses and checkpoints, however often it evaluates', async () => {
    await train('never', null);
    await train('often', 3);
    expect(await evaluatedSteps('never')).toEqual([16]);
    expect(await evaluatedSteps('often')).toEqual([4, 12, 16]);
    const files = (await fs.readdir(join(root, 'never', 'checkpoints'))).map((name) => `checkpoints/${name}`);
    expect(files.length).toBeGreaterThan(2);
    for (const file of [...files, 'model.safetensors', 'evaluation.json'])
      expect((await read('often', file)).equals(await read('never', file)), file).toBe(true);
    const losses = async (name: string) => (await records(name)).flatMap(({ loss }) => loss ?? []);
    expect(await losses('often')).toEqual(await losses('never'));
  });

  it('that continues evaluates as if it had not stopped', async () => {
    // The step whose checkpoint is followed by the first evaluation.
    await train('stopped', 3, { stopAfter: 4 });
    await trainTiny(root, { name: 'stopped', set: settings, resume: true });
    expect(await evaluatedSteps('stopped')).toEqual([4, 12, 16]);
    expect((await read('stopped', 'model.safetensors')).equals(await read('never', 'model.safetensors'))).toBe(true);
  });

  it('measures after its first epoch, and a callback that stops it has its evaluation at the end', async () => {
    const folder = await fs.mkdtemp(join(root, 'scripted-'));
    const pacing = await PacedEvaluation.open(join(folder, 'pace.json'));
    const steps: number[] = [];
    const values = [0.1, 0.2, 0.3, 0.4];
    const { position, stopReason } = await runScripted({
      ...{ folder, values, everyEpochs: null, pacing },
      listener: {
        onEvaluation: (step) => {
          steps.push(step);
          return 'stop';
        },
      },
    });
    // On a busy machine the steps, which take no time here, leave none for an evaluation.
    const isEvaluated = pacing.pace?.evaluationSeconds !== null;
    expect(pacing.pace).toMatchObject({ measuredAfter: 1 });
    expect(steps).toEqual(isEvaluated ? [stepsPerEpoch, stepsPerEpoch] : [4 * stepsPerEpoch]);
    expect(stopReason).toBe(isEvaluated ? "the callback onEvaluation returned 'stop'" : null);
    expect((await readCheckpoint(join(folder, 'checkpoints', 'last.safetensors'))).state.step).toBe(position.step);
  });
});
