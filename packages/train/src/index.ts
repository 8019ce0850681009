/**
 * Training, as users start it: a whole run by one call, or its parts: optimizers, schedules, compiled steps, the training loop. More is in
 * the subpaths `optim`, `loop`, `config`, `tasks`, `evaluation`, `attention`, `display`, `report`, `sweep` and, without Node, `browser`.
 */
export type { RunConfig } from './config/schema.ts';
export type { RunEstimate } from './dry-run/estimate.ts';
export { type DryRunResult, dryRun } from './dry-run.ts';
export type { EvaluationResult } from './evaluation/result.ts';
export { findLearningRate, type RangeTestRequest } from './find-learning-rate.ts';
export { type ConfigSources, loadConfig } from './load-config.ts';
export { LoadedFile, loadModelFile } from './load-model-file.ts';
export { LoadedRun, loadRun } from './load-run.ts';
export { type Features, LoadedModel } from './loaded-model.ts';
export * from './loggers/index.ts';
export { AccumulatedStep } from './loop/accumulated-step.ts';
export { readCheckpoint } from './loop/checkpoint.ts';
export { CallbackError, type EpochReport, type StepReport, type TrainerListener } from './loop/listener.ts';
export type { LogEvent, Logger } from './loop/logger.ts';
export type { EvaluationValues } from './loop/measure.ts';
export type { Objective, SeparableObjective } from './loop/objective.ts';
export type { RangeTest } from './loop/range-test.ts';
export { type StepResult, TrainingStep } from './loop/step.ts';
export { Trainer } from './loop/trainer.ts';
export { mixImages, mixTargets, mixupTensor, smoothedOneHot } from './mixup/mix.ts';
export { type BatchMixing, MixedSource } from './mixup/mixed-source.ts';
export * from './optim/index.ts';
export { type DrawnPrediction, drawPrediction } from './predict/draw-prediction.ts';
export type {
  ClassMask,
  ClassShare,
  FoundObject,
  ImagePlace,
  NamedProbability,
  Prediction,
  PredictionRequest,
  PreparedPrediction,
} from './predict/prediction.ts';
export type { ImageSource, SeenImage } from './predict/read-images.ts';
export { openTaskData } from './run/open-data.ts';
export { openRunData } from './run/run-data.ts';
export { type CheckpointChoice, findCheckpoint, findRun, RunFolder } from './run-folder/run-folder.ts';
export { tokenizerBeside } from './tasks/contrastive/find-tokenizer.ts';
export { taskNamed, tasks } from './tasks/index.ts';
export type { Task, TaskModel } from './tasks/task.ts';
export { type TrainingRequest, type TrainingResult, trainModel } from './train-model.ts';
export { trainSweepRun } from './train-sweep-run.ts';
