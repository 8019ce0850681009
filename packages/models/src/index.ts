export {
  type AttendedImages,
  type AttentiveTower,
  isAttentive,
  readoutMaps,
} from './attended-images.ts';
export { AttentionPool2d } from './attention-pool.ts';
export { Bottleneck } from './bottleneck.ts';
export { CLIP, createImageTower } from './clip.ts';
export * from './config.ts';
export { type Embedded, isSplitTower, type SplitTower, type TokenSequence } from './halves.ts';
export * from './high-resolution/index.ts';
export { ImageClassifier } from './image-classifier.ts';
export type { ImageTower } from './image-tower.ts';
export { ModifiedResNet } from './modified-resnet.ts';
export * from './multimodal/index.ts';
export { clipNormalization, imageNetNormalization, type Normalization, preprocess } from './preprocess.ts';
export { type PresetName, presets } from './presets.ts';
export {
  BasicBlock,
  BottleneckBlock,
  ResNet,
  type ResNetBlockKind,
  type ResNetOptions,
  resnetPresets,
} from './resnet.ts';
export { TextTransformer, type TextTransformerOptions } from './text-transformer.ts';
export { type BlockOptions, ResidualAttentionBlock, Transformer } from './transformer.ts';
export { VisionTransformer, type VisionTransformerOptions } from './vision-transformer.ts';
export * from './vit/index.ts';
export * from './vq/index.ts';
