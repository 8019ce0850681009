export type { FinalEvaluation } from './prepared.ts';
export {
  summarizeEvaluation,
  type TrainingListener,
  type TrainingRequest,
  type TrainingResult,
  trainModel,
} from './train.ts';
