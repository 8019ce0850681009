/** Models for vision and for vision with language: image towers, CLIP, heads, tokenizers of images, and multimodal models. */
export { Attention, type AttentionCall, type AttentionOptions } from './blocks/attention.ts';
export { EncoderBlock, type EncoderBlockOptions, LayerScale, type NormPlacement } from './blocks/encoder-block.ts';
export { Mlp, type MlpOptions } from './blocks/mlp.ts';
export { LinearPatchEmbed, PatchEmbed, type PatchEmbedOptions, type Patches } from './blocks/patch-embed.ts';
export {
  type BlockOptions,
  clipActivation,
  defaultHeads,
  ResidualAttentionBlock,
  Transformer,
} from './blocks/transformer.ts';
export { CLIP } from './clip/clip.ts';
export type { CLIPConfig, TextConfig } from './clip/config.ts';
export { type PresetName, presets } from './clip/presets.ts';
export { TextTransformer, type TextTransformerOptions } from './clip/text-transformer.ts';
export * from './high-resolution/index.ts';
export * from './image-towers.ts';
export * from './multimodal/index.ts';
export { AttentionPool2d } from './resnet/attention-pool.ts';
export { Bottleneck } from './resnet/bottleneck.ts';
export { defaultPoolHeads, ModifiedResNet } from './resnet/modified-resnet.ts';
export {
  BasicBlock,
  BottleneckBlock,
  ResNet,
  type ResNetBlockKind,
  type ResNetOptions,
  resnetPresets,
} from './resnet/resnet.ts';
export {
  defaultSwinHeads,
  PatchMerging,
  Swin,
  SwinBlock,
  type SwinOptions,
  type SwinPresetName,
  SwinStage,
  swinPresets,
  WindowAttention,
} from './swin/swin.ts';
export { relativePositionIndex, roll, shiftMask, type Window, windowPartition, windowReverse } from './swin/windows.ts';
export { type AttendedImages, type AttentiveTower, isAttentive, readoutMaps } from './tower/attended-images.ts';
export { type Grid, gridCoordinates, gridOf } from './tower/grid.ts';
export { type Embedded, isSplitTower, type SplitTower, type TokenSequence } from './tower/halves.ts';
export { ImageClassifier } from './tower/image-classifier.ts';
export type { ImageTower } from './tower/image-tower.ts';
export { type GroupMatcher, type LayeredModel, layersToOutput } from './tower/parameter-layers.ts';
export {
  clipNormalization,
  imageNetNormalization,
  type Normalization,
  pixelsOf,
  preprocess,
} from './tower/preprocess.ts';
export type * from './tower/settings.ts';
export * from './vit/index.ts';
export { VisionTransformer, type VisionTransformerOptions } from './vit/vision-transformer.ts';
export * from './vq/index.ts';
