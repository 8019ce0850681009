/** The layers. Each file has functions and the module classes with their parameters; its check case is in NAME.case.ts. */
export * from './activations.ts';
export * from './adaptive-pool.ts';
export { withKeyPadding } from './attention/masks.ts';
export * from './attention/multihead-attention.ts';
export {
  type AttentionOptions,
  attentionWeights,
  scaledDotProductAttention,
} from './attention/scaled-dot-product-attention.ts';
export * from './avg-pool.ts';
export * from './batch-norm.ts';
export { ModuleDict, ModuleList, ParameterDict, ParameterList } from './containers.ts';
export * from './conv-transpose.ts';
export {
  Conv1d,
  Conv2d,
  type Conv2dLayerOptions,
  type Conv2dOptions,
  Conv3d,
  type ConvLayerOptions,
  type ConvOptions,
  conv1d,
  conv2d,
  conv3d,
} from './convolution.ts';
export {
  CosineSimilarity,
  type CosineSimilarityOptions,
  cosineSimilarity,
  l2Normalize,
  type NormalizeOptions,
  normalize,
  PairwiseDistance,
  type PairwiseDistanceOptions,
  pairwiseDistance,
} from './distances.ts';
export * from './drop-path.ts';
export * from './dropout.ts';
export * from './embedding.ts';
export * from './flatten.ts';
export * from './fold.ts';
export * from './glu.ts';
export * from './group-norm.ts';
export * from './hard-activations.ts';
export * from './identity.ts';
export * from './instance-norm.ts';
export { LayerNorm, type LayerNormOptions, layerNorm } from './layer-norm.ts';
export * from './linear.ts';
export * from './local-response-norm.ts';
export * from './lp-pool.ts';
export {
  MaxPool1d,
  MaxPool2d,
  MaxPool3d,
  type MaxPoolOptions,
  maxPool1d,
  maxPool1dWithIndices,
  maxPool2d,
  maxPool2dWithIndices,
  maxPool3d,
  maxPool3dWithIndices,
  type PooledWithIndices,
} from './max-pool.ts';
export * from './max-unpool.ts';
export * from './padding.ts';
export type { PoolOptions } from './pooling-windows.ts';
export * from './prelu.ts';
export * from './rectifiers.ts';
export * from './recurrent.ts';
export {
  type CellOptions,
  GRUCell,
  LSTMCell,
  type Nonlinearity,
  RNNCell,
  type RNNCellOptions,
} from './recurrent-cells.ts';
export * from './rms-norm.ts';
export type { RunningNormOptions } from './running-statistics.ts';
export * from './sequential.ts';
export * from './shuffle.ts';
export * from './smooth-activations.ts';
export * from './softmax.ts';
export * from './swiglu.ts';
export * from './transformer.ts';
export * from './upsample.ts';
