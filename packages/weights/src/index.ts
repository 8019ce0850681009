/** Weights of models from other libraries, in and out. */
export type { ConfigFile, ModelHints, WeightNames } from './formats/format.ts';
export {
  isKnownModel,
  type ModelFromWeights,
  modelFromWeights,
  type StoredWeights,
  titleOfWeights,
  type WeightSource,
  weightNames,
  weightsOf,
} from './formats/model-weights.ts';
export { type TowerConfig, towerConfigOf } from './formats/tower-config.ts';
export {
  type LoadedWeights,
  type LoadWeightsOptions,
  loadWeights,
  modelFromFile,
  type SavedWeights,
  saveWeights,
  usualWeightNames,
  weightMetadata,
} from './model-files.ts';
export { convertTorchFile } from './plain-tensors.ts';
export { parseTensors, type TensorFile } from './safetensors/parse-tensors.ts';
export { readTensors, writeTensors } from './safetensors/tensor-files.ts';
export { readTorchFile, type TorchFileOptions } from './torch/torch-file.ts';
export { readWeightFile } from './weight-file.ts';
