/**
 * The parts of training that need neither a file system nor Node: what runs in a browser. Nothing that this file reaches may import one
 * of Node's modules, or a library that does.
 */

export { clipConfigOf } from './config/clip.ts';
export { ConfigError, formatConfig, parseConfig } from './config/resolve.ts';
export { type ClassifyConfig, type ContrastiveConfig, configSchemas, type RunConfig } from './config/schema.ts';
export { CLIPEncoder } from './evaluation/clip-encoder.ts';
export { BatchEncoder } from './evaluation/encoder.ts';
export * from './evaluation/metrics/index.ts';
export { findNonFinite, NonFiniteError } from './loop/non-finite.ts';
export type { MixedPrecision } from './loop/precision.ts';
export { type LossScaling, type StepOptions, type StepResult, TrainingStep, wasSkipped } from './loop/step.ts';
export { contractionFlops, measurePeak } from './loop/throughput.ts';
export * from './optim/index.ts';
export * from './optim/schedule.ts';
export * from './tasks/index.ts';
export type { BatchTensors, Task, TaskLoss } from './tasks/task.ts';
