export {
  type ClassificationEvaluation,
  classNamesOf,
  describeClassification,
  evaluateClassifier,
  evaluateZeroShot,
} from './classification.ts';
export { CLIPEncoder } from './clip-encoder.ts';
export type { ReadOptions } from './examples.ts';
export { type LoadedCLIP, type LoadedClassifier, loadRun } from './load-run.ts';
export {
  conceptNumbers,
  type EncodedSplit,
  encodeSplit,
  evaluateRetrieval,
  type PixelMemory,
  type RetrievalEvaluation,
  readPixelMemory,
} from './retrieval.ts';
