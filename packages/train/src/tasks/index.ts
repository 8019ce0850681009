export { ClassifyTask, type LabelledTensors, labelledTensors } from './classify.ts';
export { ContrastiveTask, type PairTensors, pairTensors } from './contrastive.ts';
