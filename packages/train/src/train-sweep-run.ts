/** Trains one run of a sweep: begins it, or continues it from its last checkpoint, up to an epoch. */
import { setTimeout } from 'node:timers/promises';
import { loadConfig } from './load-config.ts';
import { readCheckpoint } from './loop/checkpoint.ts';
import { readMetrics } from './loop/metrics-file.ts';
import { RunInUseError } from './run-folder/lock.ts';
import { RunFolder } from './run-folder/run-folder.ts';
import type { RunOrder } from './sweep/messages.ts';
import type { RunEnd, RunProgress } from './sweep/run-sweep.ts';
import { type TrainingResult, trainModel } from './train-model.ts';

/** Milliseconds between attempts to enter a run's folder that another process still uses. */
const retryInterval = 200;

interface SweepRunSurroundings {
  /** When aborted, the run stops with a checkpoint. */
  readonly signal: AbortSignal;
  onProgress(progress: RunProgress): void;
  /** Receives messages for the user. */
  say(message: string): void;
}

/**
 * Trains a run, and returns its evaluation. A process of an earlier sweep may still be writing its checkpoint into the run's folder: this
 * one waits until it has ended.
 *
 * @throws where the run fails
 */
export async function trainSweepRun(
  { config, dataset, folder: path, epochs }: RunOrder,
  { signal, onProgress, say }: SweepRunSurroundings,
): Promise<RunEnd> {
  const folder = new RunFolder(path);
  let isWaiting = false;
  const train = async (): Promise<TrainingResult | null> => {
    const checkpoint = await folder.latestCheckpoint();
    try {
      return await trainModel({
        // The run's own file has what it took over from a model that it started from.
        config: checkpoint === null ? config : await loadConfig({ base: folder.config }),
        dataset,
        folder,
        resume: checkpoint === null ? null : await readCheckpoint(checkpoint),
        restart: true,
        untilEpoch: epochs < config.training.epochs ? epochs : null,
        signal,
        listener: {
          say,
          onStep: ({ step, totalSteps, loss }) => onProgress({ step, totalSteps, loss }),
        },
      });
    } catch (error) {
      if (!(error instanceof RunInUseError && error.isLocal)) throw error;
      if (!isWaiting) say(`waiting: ${error.message}`);
      isWaiting = true;
      return null;
    }
  };
  for (;;) {
    if (signal.aborted) return { kind: 'stopped' };
    const result = await train();
    if (result === null) {
      await setTimeout(retryInterval);
      continue;
    }
    if (result.results === null) {
      if (signal.aborted) return { kind: 'stopped' };
      throw new Error(
        `${path}: the run has been trained for more than ${epochs} epochs, which its sweep does not know: delete its folder`,
      );
    }
    const evaluations = result.results.map(({ split, values }) => ({ split, values }));
    const seconds = await trainingSeconds(folder.metrics, config.training.batchSize);
    return { kind: 'reached', reached: { epochs, steps: result.steps, evaluations, seconds } };
  }
}

/** The time of all steps of a run, from their rates: it does not depend on interruptions. */
async function trainingSeconds(metrics: string, batchSize: number): Promise<number> {
  const rates = (await readMetrics(metrics)).map(({ imagesPerSecond }) => imagesPerSecond);
  const seconds = rates.map((rate) => (typeof rate === 'number' && rate > 0 ? batchSize / rate : 0));
  return Number(seconds.reduce((sum, one) => sum + one, 0).toFixed(3));
}
