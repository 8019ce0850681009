export { imageDataUri, pixelsDataUri } from './images.ts';
export { renderReport } from './render.ts';
export type {
  ClassificationReport,
  DataUri,
  EmbeddingReport,
  EvaluationRecord,
  ImageNeighbours,
  ImageQuery,
  ReconstructionReport,
  ReportData,
  RetrievalReport,
  StepRecord,
  TextQuery,
} from './report-data.ts';
export { writeReport } from './write.ts';
