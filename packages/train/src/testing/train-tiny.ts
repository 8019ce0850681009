/** Short runs for tests. */
import { join } from 'node:path';
import { readCheckpoint } from '../loop/checkpoint.ts';
import type { TrainerListener } from '../loop/listener.ts';
import type { Logger } from '../loop/logger.ts';
import { findCheckpoint, RunFolder } from '../run-folder/run-folder.ts';
import { type TrainingResult, trainModel } from '../train-model.ts';
import { tinyConfig } from './tiny-run.ts';

export interface TinyRun {
  /** The run's folder below `root`. */
  readonly name: string;
  /** The data set's folder below `root`. */
  readonly data?: string;
  readonly set?: readonly string[];
  /** Stop after this step. */
  readonly stopAfter?: number;
  /** Stop after this epoch, with an evaluation. */
  readonly untilEpoch?: number;
  readonly resume?: boolean;
  readonly allowChanges?: boolean;
  readonly verifyData?: boolean;
  readonly listener?: TrainerListener;
  readonly loggers?: readonly Logger[];
}

/** Trains on a data set below `root` into a folder there: 4 steps of 6 pairs an epoch, 2 epochs. */
export async function trainTiny(root: string, run: TinyRun): Promise<TrainingResult> {
  const {
    name,
    data = 'data',
    set = [],
    stopAfter,
    untilEpoch = null,
    resume = false,
    allowChanges = false,
    verifyData = false,
    listener,
    loggers = [],
  } = run;
  const folder = new RunFolder(join(root, name));
  const controller = new AbortController();
  return trainModel({
    config: await tinyConfig(...set),
    dataset: join(root, data),
    folder,
    resume: resume ? await readCheckpoint(await findCheckpoint(folder.path)) : null,
    signal: controller.signal,
    untilEpoch,
    allowChanges,
    verifyData,
    loggers,
    listener: {
      ...listener,
      onStep(report) {
        if (report.step === stopAfter) controller.abort();
        return listener?.onStep?.(report);
      },
    },
  });
}
