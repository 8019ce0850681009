/** Training: optimizers, the training loop, tasks, evaluation, reports, configuration and run folders. */
export * from './config/index.ts';
export * from './evaluation/attention/index.ts';
export * from './evaluation/index.ts';
export * from './evaluation/metrics.ts';
export { type LoadedCLIPFile, loadCLIPFile } from './load-clip-file.ts';
export { type ConfigSources, loadConfig } from './load-config.ts';
export { type LoadedRun, loadRun } from './load-run.ts';
export * from './loop/index.ts';
export * from './loop/metrics-file.ts';
export * from './optim/index.ts';
export * from './report/index.ts';
export * from './run-folder/run-folder.ts';
export { taskFromCheckpoint, taskNamed, tasks } from './tasks/index.ts';
export type {
  AnyTaskModel,
  EvaluationOption,
  EvaluationRequest,
  ImageHalf,
  Task,
  TaskModel,
  TextHalf,
} from './tasks/task.ts';
export { type TrainingListener, type TrainingRequest, type TrainingResult, trainModel } from './train-model.ts';
export { writeReport } from './write-report.ts';
