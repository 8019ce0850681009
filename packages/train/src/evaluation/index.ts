export { type LoadedCLIPFile, loadCLIPFile } from '../run/load-clip-file.ts';
export { type LoadedCLIP, type LoadedClassifier, type LoadedVQ, loadRun } from '../run/load-run.ts';
export {
  type ClassificationEvaluation,
  classNamesOf,
  describeClassification,
  evaluateClassifier,
  evaluateZeroShot,
} from './classification.ts';
export { CLIPEncoder } from './clip-encoder.ts';
export { BatchEncoder, fillBatch, inEvaluationMode } from './encoder.ts';
export { type ReadOptions, readExamples } from './examples.ts';
export { interpolateStates } from './interpolate.ts';
export {
  evaluateReconstruction,
  type ReconstructedPicture,
  type ReconstructionEvaluation,
} from './reconstruction.ts';
export {
  conceptNumbers,
  type EncodedSplit,
  encodeSplit,
  evaluateRetrieval,
  type PixelMemory,
  type RetrievalEvaluation,
  readPixelMemory,
} from './retrieval.ts';
