export { Attention, type AttentionCall, type AttentionOptions } from './attention.ts';
export { EncoderBlock, type EncoderBlockOptions, LayerScale, type NormPlacement } from './block.ts';
export {
  DetectionHead,
  type DetectionLossOptions,
  type Detections,
  type DetectionTargets,
  detectionLoss,
  ViTDetector,
} from './detection.ts';
export { type Grid, gridOf } from './grid.ts';
export { MaskedAutoencoder, type MaskedAutoencoderOptions, type Masking, maskByNoise } from './masked-autoencoder.ts';
export { Mlp, type MlpOptions } from './mlp.ts';
export { LinearPatchEmbed, PatchEmbed, type PatchEmbedOptions, type Patches } from './patch-embed.ts';
export {
  gridCoordinates,
  interpolatePositions,
  type PositionInterpolation,
  type PositionKind,
  Positions,
  type PositionsOptions,
  positionKinds,
} from './positions.ts';
export { type ViTPresetName, vitPresets } from './presets.ts';
export { SegmentationHead, segmentationLoss, ViTSegmenter, type ViTSegmenterOptions } from './segmentation.ts';
export {
  PatchMerging,
  Swin,
  SwinBlock,
  type SwinOptions,
  type SwinPresetName,
  SwinStage,
  swinPresets,
  WindowAttention,
} from './swin.ts';
export { type FeatureOptions, type Features, ViT, type ViTOptions } from './vision-transformer.ts';
export { relativePositionIndex, roll, shiftMask, type Window, windowPartition, windowReverse } from './windows.ts';
