/** Metrics of evaluation, and what they are computed with. Needs neither a file system nor Node. */
export {
  balancedAccuracy,
  type ClassCounts,
  type ClassScores,
  type FScore,
  type ScoreAverages,
  type ScoredClasses,
  scoreClasses,
} from './classification/class-scores.ts';
export {
  type ClassificationMetrics,
  type Confusion,
  classificationMetrics,
  mostConfused,
} from './classification/metrics.ts';
export { fillTemplates, promptTemplates, zeroShotLogits, zeroShotWeights } from './classification/zero-shot.ts';
export { ReconstructionMeter, type ReconstructionMetrics } from './reconstruction/metrics.ts';
export {
  chanceLevels,
  type Neighbors,
  nearestNeighbors,
  type RetrievalConcepts,
  type RetrievalMetrics,
  retrievalMetrics,
} from './retrieval/metrics.ts';
export {
  downscale,
  type PixelBaseline,
  type PixelBaselineInput,
  type PixelImages,
  pixelBaseline,
} from './retrieval/pixels.ts';
export { normalizeRows } from './retrieval/products.ts';
export type { Recall } from './retrieval/ranks.ts';
