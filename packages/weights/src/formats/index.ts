export type { ConfigFile, ModelHints, WeightNames } from './format.ts';
export {
  configFileNames,
  isKnownModel,
  type ModelFromWeights,
  modelFromWeights,
  type StoredWeights,
  titleOfWeights,
  type WeightSource,
  weightNames,
  weightsOf,
} from './model-weights.ts';
export { type TowerConfig, towerConfigOf } from './tower-config.ts';
