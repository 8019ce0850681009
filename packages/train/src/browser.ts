/**
 * The parts of training that need neither a file system nor Node: what runs in a browser. Nothing that this file reaches may import one
 * of Node's modules, or a library that does.
 */

export { clipConfigOf } from './config/clip.ts';
export { ConfigError, formatConfig, parseConfig } from './config/resolve.ts';
export { type ClassifyConfig, type ContrastiveConfig, configSchemas, type RunConfig } from './config/schema.ts';
export * from './data/augment/index.ts';
export { CounterRandom, type Purpose, permutation, purpose } from './data/random.ts';
export { CLIPEncoder } from './evaluation/clip-encoder.ts';
export { BatchEncoder } from './evaluation/encoder.ts';
export * from './metrics/index.ts';
export * from './optim/index.ts';
export * from './schedule.ts';
export * from './tasks/index.ts';
export type { Merge } from './tokenizer/bpe.ts';
export { cleanCaption, repairText } from './tokenizer/repair.ts';
export { type EncodeBatchOptions, Tokenizer, type TokenizerJson } from './tokenizer/tokenizer.ts';
export { type TrainBpeOptions, trainBpe } from './tokenizer/train-bpe.ts';
export { findNonFinite, NonFiniteError } from './trainer/non-finite.ts';
export { parseTensors, type TensorFile } from './trainer/parse-tensors.ts';
export type { MixedPrecision } from './trainer/precision.ts';
export { type LossScaling, type StepOptions, type StepResult, TrainingStep, wasSkipped } from './trainer/step.ts';
export type { BatchTensors, Task, TaskLoss } from './trainer/task.ts';
export { contractionFlops, measurePeak } from './trainer/throughput.ts';
