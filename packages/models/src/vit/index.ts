/** The plain Vision Transformer, and what is built on it. */
export {
  DetectionHead,
  type DetectionLossOptions,
  type Detections,
  type DetectionTargets,
  detectionLoss,
  ViTDetector,
} from './detection.ts';
export { MaskedAutoencoder, type MaskedAutoencoderOptions, type Masking, maskByNoise } from './masked-autoencoder.ts';
export {
  interpolatePositions,
  type PositionInterpolation,
  type PositionKind,
  Positions,
  type PositionsOptions,
  positionKinds,
} from './positions.ts';
export { type ViTPresetName, vitPresets } from './presets.ts';
export {
  SegmentationHead,
  type SegmentationLossOptions,
  segmentationLoss,
  ViTSegmenter,
  type ViTSegmenterOptions,
} from './segmentation.ts';
export { type FeatureOptions, type Features, ViT, type ViTOptions } from './vit.ts';
