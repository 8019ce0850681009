/** The arithmetic of estimates, on measurements that were chosen. */
import { expect, it } from 'vitest';
import { runLength } from '../loop/run-length.ts';
import { startPosition } from '../loop/trainer.ts';
import { tinyConfig } from '../testing/tiny-run.ts';
import { estimateMemory, estimateTime, plannedWork } from './estimate.ts';
import type { MeasuredRun } from './measure.ts';

/** A run of 3 epochs of 10 steps of 6 rows, with measurements that are easy to add up. */
async function measured(
  set: readonly string[] = [],
  changes: Partial<MeasuredRun> = {},
  step = 0,
): Promise<MeasuredRun> {
  const config = await tinyConfig('training.epochs=3', ...set);
  const length = runLength(config.training, 10);
  const memory = (bytes: number, cachedBytes: number) => ({ bytes, cachedBytes });
  return {
    run: { config, length, start: { ...startPosition, step }, trainSplit: { length: 60 } } as never,
    batchesPerEpoch: 10,
    remainingSteps: length.totalSteps - step,
    state: { model: 0, optimizer: 0, averages: 0 },
    parameters: 0,
    trainedParameters: 0,
    startSeconds: 100,
    first: { step: 4, checkpoint: 0.5 },
    cached: { step: 2, checkpoint: 0.25 },
    cache: { images: 30, bytes: 300, finalBytes: 600 },
    evaluation: {
      examples: 50,
      baselineExamples: 60,
      first: 7,
      fixed: 1,
      perExample: 0.1,
      perBaselineExample: 0.05,
      cost: { bytes: 1000, seconds: 3 },
      measuredBytes: 400,
    },
    endSeconds: 20,
    memory: {
      prepared: memory(100, 0),
      stepping: memory(5000, 100),
      loading: memory(4000, 300),
      evaluating: memory(4500, 300),
      ending: memory(4200, 300),
    },
    ...changes,
  };
}

it('a run is its start, its steps, its evaluations, its checkpoints and its end', async () => {
  const run = await measured();
  expect(plannedWork(run)).toEqual({ firstEpochSteps: 10, laterSteps: 20, evaluations: 0, checkpoints: 3 });
  const time = estimateTime(run);
  // All 60 images fit: 10 bytes each.
  expect(time).toMatchObject({ firstEpochStep: 4, laterStep: 2, firstEpoch: 40, laterEpoch: 20, evaluation: null });
  const evaluation = 7 + 1 + 0.1 * 50 + 0.05 * 60 + 3;
  expect(time.finalEvaluation).toBeCloseTo(evaluation, 9);
  expect(time.total).toBeCloseTo(100 + 9 * 4 + 20 * 2 + evaluation + 3 * 0.5 + 20, 9);
});

it('evaluations during the run have a report each, and the first one compiles', async () => {
  const run = await measured(['evaluation.everyEpochs=1', 'checkpoints.everySteps=4', 'checkpoints.everyEpochs=9']);
  // Steps 4, 8, 12, 16, 20, 24, 28, and before the evaluations: 10, 20 (which is counted) and 30.
  expect(plannedWork(run)).toMatchObject({ evaluations: 2, checkpoints: 9 });
  const pass = 1 + 0.1 * 50;
  const time = estimateTime(run);
  expect(time.evaluation).toBeCloseTo(pass + 20, 9);
  expect(time.finalEvaluation).toBeCloseTo(pass + 0.05 * 60 + 3, 9);
  expect(time.total).toBeCloseTo(100 + 9 * 4 + 20 * 2 + 7 + 2 * (pass + 20) + time.finalEvaluation + 9 * 0.5 + 20, 9);
});

it('evaluations that are made because they take little time are counted', async () => {
  // An evaluation takes 1 + 0.1 * 50 + 20 = 26 s, an epoch 10 * 60 = 600 s.
  const first = { step: 60, checkpoint: 0.5 };
  const auto = 'evaluation.everyEpochs=auto';
  expect(plannedWork(await measured([auto], { first })).evaluations).toBe(2);
  expect(plannedWork(await measured([auto, 'training.epochs=8'], { first })).evaluations).toBe(7);
  // With a third of the time they come after epochs 1, 3 and 6; in a short run one alone would take too long.
  const faster = { first: { step: 20, checkpoint: 0.5 } };
  expect(plannedWork(await measured([auto, 'training.epochs=8'], faster))).toMatchObject({
    evaluations: 3,
    checkpoints: 8,
  });
  expect(plannedWork(await measured([auto], faster)).evaluations).toBe(0);
});

it('images that do not fit into the cache are decoded in every epoch', async () => {
  const time = estimateTime(await measured([], { cache: { images: 30, bytes: 300, finalBytes: 150 } }));
  // A fourth of the images is cached.
  expect(time.laterStep).toBeCloseTo(0.25 * 2 + 0.75 * 4, 9);
});

it('a resumed run has only the steps that are left', async () => {
  const run = await measured([], {}, 25);
  expect(plannedWork(run)).toEqual({ firstEpochSteps: 5, laterSteps: 0, evaluations: 0, checkpoints: 1 });
  expect(plannedWork(await measured([], {}, 30))).toMatchObject({ firstEpochSteps: 0, laterSteps: 0, checkpoints: 0 });
});

it('memory is the largest of the phases, with the images and the comparisons that the whole run will have', async () => {
  const memory = estimateMemory(await measured());
  expect(memory).toEqual({
    prepared: 100,
    stepping: 5000,
    training: 4000 + 300,
    evaluating: 4500 + 300 + 600,
    ending: 4200 + 300,
    peak: 5400,
    cache: 600,
  });
  expect(estimateMemory(await measured([], { evaluation: null })).peak).toBe(5000);
});
