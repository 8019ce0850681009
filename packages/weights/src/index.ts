/** Weights of other libraries' models: reading, recognizing and writing them. */

// A model with its weights, from a file and to one.

export {
  type LoadedWeights,
  type LoadWeightsOptions,
  loadWeights,
  modelFromFile,
  type SavedWeights,
  type SaveWeightsOptions,
  saveWeights,
  usualWeightNames,
  weightMetadata,
} from './load-and-save.ts';

// A model from named tensors, and named tensors from a model.

export { classMetadata, huggingFaceLabels, storedClassNames } from './formats/class-names.ts';
export type { FolderFacts, ModelHints, WeightNames } from './formats/format.ts';
export {
  findModel,
  isKnownModel,
  type ModelFromWeights,
  modelFromWeights,
  type StoredWeights,
  type WeightSource,
  weightNames,
  weightsOf,
} from './formats/model-weights.ts';
export { huggingFaceProcessor, type Preprocessing } from './formats/preprocessing.ts';
export {
  type ImageModelConfig,
  imageModelOf,
  type TowerConfig,
  towerConfigOf,
  undescribedParts,
} from './formats/tower-config.ts';

// A model's computation as a file.

export { type OnnxExport, type OnnxInput, type PreparedOnnx, prepareOnnx } from './onnx-export/export-onnx.ts';

// Weights of one model for another one.

export { adaptClip } from './adapt/adapt-clip.ts';
export { adaptImageTower } from './adapt/adapt-tower.ts';
export type { Adapted } from './adapt/positions.ts';

// Adapters apart from the weights that they adapt.

export { type AddedAdapters, addAdapters } from './adapters/add-adapters.ts';
export { type AdapterFiles, type AdapterSettings, adapterFiles, saveAdapters } from './adapters/peft.ts';

// Files of named tensors, of any model.

export { type ConvertedTensors, convertTensors } from './convert-tensors.ts';
export { readWeightFile } from './read-weight-file.ts';
export { parseTensors, type TensorFile } from './safetensors/parse-tensors.ts';
export { readTensors, writeTensors } from './safetensors/tensor-files.ts';
export { readTorchFile, type WeightFileOptions } from './torch/torch-file.ts';
