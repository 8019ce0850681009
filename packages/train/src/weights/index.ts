export {
  type LoadedWeights,
  type LoadWeightsOptions,
  loadWeights,
  type SavedWeights,
  saveWeights,
} from './model-files.ts';
export { convertTorchFile } from './plain-tensors.ts';
export { readTorchFile, type TorchFileOptions } from './torch-file.ts';
