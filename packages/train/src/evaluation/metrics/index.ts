export {
  type ClassificationMetrics,
  type ClassMetrics,
  type Confusion,
  classificationMetrics,
  mostConfused,
} from './classification.ts';
export { downscale, type PixelBaseline, type PixelBaselineInput, type PixelImages, pixelBaseline } from './pixels.ts';
export { normalizeRows } from './products.ts';
export type { Recall } from './ranks.ts';
export { ReconstructionMeter, type ReconstructionMetrics } from './reconstruction.ts';
export {
  chanceLevels,
  type Neighbours,
  nearestNeighbours,
  type RetrievalConcepts,
  type RetrievalMetrics,
  retrievalMetrics,
} from './retrieval.ts';
export { fillTemplates, promptTemplates, zeroShotLogits, zeroShotWeights } from './zero-shot.ts';
