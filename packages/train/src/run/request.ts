/** What a run is asked to do, and what came of it. */
import type { RunConfig } from '../config/schema.ts';
import type { Trial } from '../dry-run/trial.ts';
import type { EvaluationResult } from '../evaluation/result.ts';
import type { Checkpoint } from '../loop/checkpoint.ts';
import type { TrainerListener } from '../loop/listener.ts';
import type { Logger } from '../loop/logger.ts';
import type { BatchTensors } from '../loop/objective.ts';
import type { MixedPrecision } from '../loop/precision.ts';
import type { TrainerParts } from '../loop/trainer.ts';
import type { RunFolder } from '../run-folder/run-folder.ts';
import type { DataLocation } from './run-data.ts';

export interface TrainingRequest {
  readonly config: RunConfig;
  /** Where the data set is, or each of `data.sources`; see `openDataset`. */
  readonly dataset: DataLocation;
  readonly folder: RunFolder;
  /** The checkpoint to continue from; null: from the first step. */
  readonly resume: Checkpoint | null;
  /** Whether the folder may contain a run that was interrupted before its first checkpoint. Default false: that is an error. */
  readonly restart?: boolean;
  /** When aborted, the current step is finished, a checkpoint written, and the run ends unfinished. */
  readonly signal?: AbortSignal;
  /** Stop after this epoch, with a checkpoint and an evaluation, so that the run can be continued. Default: after the last epoch. */
  readonly untilEpoch?: number | null;
  /** Whether a run may continue with other settings or other data than it began with. */
  readonly allowChanges?: boolean;
  /** Whether every row of the data set is compared with the beginning of the run, not a sample. */
  readonly verifyData?: boolean;
  /** Functions that are called during the run, and can end it. */
  readonly listener?: TrainerListener;
  /** Receive what the run measures, draws and finds. Models that are trained first are not logged. */
  readonly loggers?: readonly Logger[];
  /** Takes the place of the training loop, in a dry run. */
  readonly trial?: Trial;
  /** Receives the parts of the run before its first step, in place of training, evaluation and report: the run ends unfinished. */
  readonly inPlaceOfTraining?: (training: PreparedTraining<BatchTensors>) => Promise<void>;
}

/** The parts of a run that a step needs. */
export interface PreparedTraining<Batch extends BatchTensors>
  extends Pick<TrainerParts<Batch>, 'objective' | 'optimizer' | 'source' | 'training'> {
  readonly mixedPrecision: MixedPrecision;
}

export interface TrainingResult {
  /** False for a run that was interrupted by its signal, or stopped at `untilEpoch`. */
  readonly finished: boolean;
  /** Why a finished run ended before its last step: early stopping, or a callback; null: it did not. */
  readonly stopReason: string | null;
  readonly steps: number;
  readonly totalSteps: number;
  /** Results of the final evaluation, or of that after `untilEpoch`; null for a run that was interrupted. */
  readonly results: readonly EvaluationResult[] | null;
  /** Path of the report; null for a run that was interrupted. */
  readonly report: string | null;
  /** The number of different rows that could not be used. */
  readonly skippedRows: number;
}

/** The result of a run that ended before its first step. */
export const withoutSteps = (totalSteps: number, skippedRows: number): TrainingResult => ({
  finished: false,
  stopReason: null,
  steps: 0,
  totalSteps,
  results: null,
  report: null,
  skippedRows,
});
