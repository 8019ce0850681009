/** Models that join images and text: connectors, cross-attention, fusion, and a classifier of pairs. */
export { type FusionKind, fusionKinds, MultimodalClassifier, type MultimodalClassifierConfig } from './classifier.ts';
export {
  type Connector,
  LinearConnector,
  MLPConnector,
  PerceiverResampler,
  type ResamplerOptions,
} from './connector.ts';
export {
  CoAttentionBlock,
  CrossAttention,
  CrossAttentionBlock,
  type CrossAttentionCall,
  type CrossAttentionOptions,
  type SequencePair,
} from './cross-attention.ts';
export {
  ConcatFusion,
  type JointFeatures,
  JointProjection,
  TransformerFusion,
  WeightedSumFusion,
} from './fusion.ts';
export { GatedCrossAttentionBlock, type GatedCrossAttentionOptions } from './gated-cross-attention.ts';
export { type EncodedText, TextEncoder } from './text-encoder.ts';
