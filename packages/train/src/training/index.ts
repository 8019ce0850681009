export type { FinalEvaluation } from './prepared.ts';
export { type TrainingListener, type TrainingRequest, type TrainingResult, trainModel } from './train.ts';
