/** A server of a trained model: embeddings, classes, answers and search over HTTP. */
export { defaultLimits, type Limits } from './limits.ts';
export type { Answers, ModelCard } from './schemas.ts';
export type { SearchedImages } from './searched-images.ts';
export { type ModelServer, type ServeOptions, serveModel } from './serve-model.ts';
