export { ClassifyTask, type LabelledTensors, labelledTensors } from './classify.ts';
export { ContrastiveTask, type PairTensors, pairTensors } from './contrastive.ts';
export { type ImageTensors, type VQOptions, VQTask } from './vq.ts';
