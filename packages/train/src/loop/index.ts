/** The training loop: compiled steps, checkpoints, metrics. */
export { AccumulatedStep } from './accumulated-step.ts';
export {
  type Checkpoint,
  type CheckpointState,
  differingSettings,
  loadModelState,
  type Position,
  readCheckpoint,
  restoreCheckpoint,
  writeCheckpoint,
} from './checkpoint.ts';
export { CheckpointFolder } from './checkpoint-folder.ts';
export type { ClipOptions } from './clip.ts';
export { CallbackError, type EpochReport, type StepReport, type TrainerListener } from './listener.ts';
export type {
  EndEvent,
  EvaluationEvent,
  HistogramsEvent,
  LogEvent,
  Logger,
  PictureEvent,
  StartEvent,
  StepEvent,
  TextEvent,
} from './logger.ts';
export type { EvaluationValues } from './measure.ts';
export { type MetricsRecord, MetricsWriter, readMetrics, truncateMetrics, withoutTiming } from './metrics-file.ts';
export { findNonFinite, NonFiniteError } from './non-finite.ts';
export type { BatchTensors, Objective, ObjectiveLoss, SeparableObjective } from './objective.ts';
export type { MixedPrecision } from './precision.ts';
export { defaultRangeTest, type RangeTest, type RangeTestOptions, type RangeTestPoint } from './range-test.ts';
export { type LossScaling, type StepOptions, type StepResult, TrainingStep, wasSkipped } from './step.ts';
export { contractionFlops, measurePeak } from './throughput.ts';
export { type BatchSource, startPosition, Trainer, type TrainerParts, type TrainingEnd } from './trainer.ts';
