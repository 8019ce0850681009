/** Tasks, for programs that train, evaluate or add one. */
export { registerTask, taskFromCheckpoint, taskNamed, tasks } from './index.ts';
export {
  type AnyTaskModel,
  asTaskModel,
  defineTask,
  type EvaluationOption,
  type EvaluationRequest,
  fromScratch,
  type ImageHalf,
  type PreparedRun,
  type Say,
  type StoredRun,
  type Task,
  type TaskModel,
  type TextHalf,
  type TrainedModel,
  type TrainingSite,
} from './task.ts';
