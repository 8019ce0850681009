/**
 * The parts of training that need neither a file system nor Node: what runs in a browser. Nothing that this file reaches may import one
 * of Node's modules, or a library that does.
 */
export { ConfigError, formatConfig, parseConfig } from './config/resolve.ts';
export type { RunConfig } from './config/schema.ts';
export { CLIPEncoder } from './evaluation/clip-encoder.ts';
export { BatchEncoder } from './evaluation/encoder.ts';
export * from './evaluation/metrics.ts';
export { findNonFinite, NonFiniteError } from './loop/non-finite.ts';
export type { BatchTensors, Objective, ObjectiveLoss, SeparableObjective } from './loop/objective.ts';
export type { MixedPrecision } from './loop/precision.ts';
export { type LossScaling, type StepOptions, type StepResult, TrainingStep, wasSkipped } from './loop/step.ts';
export { contractionFlops, measurePeak } from './loop/throughput.ts';
export * from './optim/index.ts';
export { ClassifyObjective } from './tasks/classify/objective.ts';
export { clipConfigOf } from './tasks/contrastive/clip-config.ts';
export { ContrastiveObjective, type PairTensors } from './tasks/contrastive/objective.ts';
export { type ContrastiveConfig, contrastiveSettings } from './tasks/contrastive/settings.ts';
export type { LabeledTensors } from './tasks/labeled-tensors.ts';
export { type ImageTensors, VQObjective } from './tasks/vq/objective.ts';
