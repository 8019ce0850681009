/** Evaluation of trained models: the kinds of results, the metrics, and how results are printed and stored. */
export {
  type ClassificationResult,
  classNamesOf,
  evaluateClassifier,
  evaluateZeroShot,
  labelColumns,
} from './classification/evaluate.ts';
export { CLIPEncoder } from './clip-encoder.ts';
export { BatchEncoder, fillBatch, inEvaluationMode } from './encoder.ts';
export { type ReadOptions, readExamples } from './examples.ts';
export { interpolateStates } from './interpolate.ts';
export {
  evaluateMeasures,
  type Measure,
  type Measurement,
  type MeasuresResult,
} from './measures/evaluate.ts';
export type { Example } from './measures/examples.ts';
export type { Decisions, MeasuredClasses, MeasuredScores } from './measures/scores.ts';
export type { MeasureLook } from './measures/section.ts';
export * from './metrics.ts';
export {
  evaluateReconstruction,
  type ReconstructionResult,
} from './reconstruction/evaluate.ts';
export {
  byKind,
  type EvaluationKind,
  type EvaluationResult,
  evaluationKind,
  type KindDefinition,
  percentText,
  resultTables,
  summarizeResults,
  type TextTable,
} from './result.ts';
export {
  conceptNumbers,
  type EncodedSplit,
  encodeSplit,
  type PixelMemory,
  pairColumns,
  readPixelMemory,
} from './retrieval/encode-split.ts';
export { evaluateRetrieval, type RetrievalResult } from './retrieval/evaluate.ts';
