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
export { findNonFinite, NonFiniteError } from './non-finite.ts';
export { parseTensors, type TensorFile } from './parse-tensors.ts';
export type { MixedPrecision } from './precision.ts';
export { type LossScaling, type StepOptions, type StepResult, TrainingStep, wasSkipped } from './step.ts';
export type { BatchTensors, SeparableTask, Task, TaskLoss } from './task.ts';
export { readTensors, writeTensors } from './tensor-files.ts';
export { contractionFlops, measurePeak } from './throughput.ts';
export {
  type BatchSource,
  type EvaluationValues,
  type StepReport,
  startPosition,
  Trainer,
  type TrainerListener,
  type TrainerParts,
  type TrainingEnd,
} from './trainer.ts';
