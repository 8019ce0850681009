/** The interface between a run and a dry run: what takes the place of the training loop, and what it is given. */
import type { DataLoader, Split } from '@tessera/data';
import type { RunConfig } from '../config/schema.ts';
import type { EvaluationResult } from '../evaluation/result.ts';
import type { Position } from '../loop/checkpoint.ts';
import type { TrainerListener } from '../loop/listener.ts';
import type { RunLength } from '../loop/run-length.ts';
import type { TrainingEnd } from '../loop/trainer.ts';
import type { AveragedModel } from '../optim/averaged-model.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import type { AnyTaskModel, EvaluationCost } from '../tasks/task.ts';

/** Which part of an evaluation is done. */
export interface EvaluationPart {
  /** The largest number of examples of each split; null: all. */
  readonly limit: number | null;
  /** Whether the baselines of the final evaluation are searched. */
  readonly baseline: boolean;
}

/** A run that is ready for its first step. */
export interface TrialRun {
  readonly config: RunConfig;
  readonly subject: AnyTaskModel;
  readonly optimizer: Optimizer;
  readonly averages: AveragedModel | null;
  readonly trainSplit: Split;
  readonly splits: readonly Split[];
  readonly loader: DataLoader;
  readonly length: RunLength;
  /** Where training begins or continues. */
  readonly start: Position;
  /** When the run began, of `performance.now()`. */
  readonly began: number;
  /** Trains from the start until `signal` is aborted, as always, but without evaluations; then a checkpoint is written. */
  train(listener: TrainerListener, signal: AbortSignal): Promise<TrainingEnd>;
  evaluate(part: EvaluationPart): Promise<readonly EvaluationResult[]>;
  evaluationCost(part: EvaluationPart): Promise<EvaluationCost>;
}

/** Takes the place of a run's training loop. Afterwards the run writes its weights and its report as always. */
export interface Trial {
  run(run: TrialRun, signal: AbortSignal | undefined): Promise<TrainingEnd>;
  /** Called when the run has written everything. */
  ended(): void;
}
