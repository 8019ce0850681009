/** A learning-rate range test of a run: a throw-away model is trained with growing learning rates. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tidy } from '@tessera/tensor';
import type { BatchTensors } from './loop/objective.ts';
import {
  checkRangeTest,
  defaultRangeTest,
  lowestLoss,
  type RangeTest,
  RangeTestCurve,
  type RangeTestOptions,
  type RangeTestPoint,
  suggestRate,
} from './loop/range-test.ts';
import { wasSkipped } from './loop/step.ts';
import { type BatchSource, createStep } from './loop/trainer.ts';
import { RunFolder } from './run-folder/run-folder.ts';
import { type PreparedTraining, type TrainingRequest, trainModel } from './train-model.ts';

/** The run that is tested, and how. */
export interface RangeTestRequest extends Pick<TrainingRequest, 'config' | 'dataset' | 'signal'> {
  readonly options?: Partial<RangeTestOptions>;
  readonly listener?: {
    /** Receives messages for the user. */
    say?(message: string): void;
    /** Called after each step. */
    onStep?(point: RangeTestPoint, done: number, steps: number): void;
  };
}

/**
 * The learning-rate range test (Smith 2017, "Cyclical Learning Rates for Training Neural Networks", section 3.3), with the exponential
 * growth and the suggestion of fast.ai's `lr_find` and Lightning's finder: the run's model is trained with a rate that grows from step to
 * step, until the loss diverges. Everything else is as in the run: data, precision, optimizer with its groups, clipping, accumulation. The
 * schedule and averages of the weights have no part in it. The model is thrown away, and nothing is written but temporary files.
 *
 * The same configuration leads to the same losses, bit for bit.
 *
 * @throws RangeError for options out of range
 */
export async function findLearningRate(request: RangeTestRequest): Promise<RangeTest> {
  const { config, dataset, signal, listener = {} } = request;
  const options = { ...defaultRangeTest, ...request.options };
  checkRangeTest(options);
  const curve = new RangeTestCurve(options);
  const folder = await fs.mkdtemp(join(tmpdir(), 'range-test-'));
  let ended: RangeTest['ended'] = 'stopped';
  try {
    await trainModel({
      config,
      dataset,
      folder: new RunFolder(folder),
      resume: null,
      ...(signal === undefined ? {} : { signal }),
      listener: { say: (message) => listener.say?.(message) },
      async inPlaceOfTraining(training) {
        ended = await sweep(training, curve, signal, () => {
          const { points } = curve;
          listener.onStep?.(points.at(-1) as RangeTestPoint, points.length, options.steps);
        });
      },
    });
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
  const { points } = curve;
  // A tenth of the test, as of fast.ai's and Lightning's 100 steps.
  const skipBegin = Math.min(10, Math.floor(options.steps / 10));
  return { options, points, ended, suggestion: suggestRate(points, { skipBegin }), lowest: lowestLoss(points) };
}

/** Takes the steps of the test. */
async function sweep<Batch extends BatchTensors>(
  { source, ...training }: PreparedTraining<Batch>,
  curve: RangeTestCurve,
  signal: AbortSignal | undefined,
  onPoint: () => void,
): Promise<RangeTest['ended']> {
  const step = createStep(training);
  try {
    for await (const batch of endless(source)) {
      const lr = curve.nextRate;
      if (lr === null) return 'complete';
      if (signal?.aborted) return 'stopped';
      const result = await tidy(async () => step.run(await batch.toTensors(), lr));
      // A step whose gradients overflowed in f16 updated nothing: the next one has the same rate, and a smaller factor on the loss.
      if (wasSkipped(result)) continue;
      const diverges = curve.add(result.finite ? result.loss : Number.NaN);
      if (result.finite) onPoint();
      if (diverges) return 'diverged';
    }
  } finally {
    step.dispose();
  }
  throw new Error('range test: an epoch has no batches');
}

/** The batches of one epoch after the other. Ends only if an epoch has none. */
async function* endless<Batch extends BatchTensors>(
  source: BatchSource<Batch>,
): ReturnType<BatchSource<Batch>['epoch']> {
  for (let epoch = 0, found = true; found; epoch++) {
    found = false;
    for await (const batch of source.epoch(epoch, 0)) {
      found = true;
      yield batch;
    }
  }
}
