export type { ConfigFile, ModelHints, WeightNames } from './format.ts';
export {
  configFileNames,
  type ModelFromWeights,
  modelFromWeights,
  type StoredWeights,
  type WeightSource,
  weightNames,
  weightsOf,
} from './model-weights.ts';
