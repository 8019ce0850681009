/** Datasets on disk, and everything between their rows and the batches that a model is trained on. */

// Datasets in Arrow folders.

export type { Value } from './arrow/column.ts';
export {
  arrowType,
  type ClassLabelFeature,
  type EncodedImage,
  type Feature,
  type Features,
  feature,
  type ImageFeature,
  type ListFeature,
  type StructFeature,
  type ValueDtype,
  type ValueFeature,
} from './arrow/features.ts';
export { ArrowFileError } from './arrow/messages.ts';
export {
  DatasetWriter,
  type DatasetWriterOptions,
  encodedImageFromFile,
  type RowSource,
  writeDataset,
} from './arrow/writer.ts';
export { type CaptionWeights, captionProblems, withCaptions } from './dataset/caption-columns.ts';
export { ColumnMemory } from './dataset/column-memory.ts';
export {
  type Dataset,
  isRowFolder,
  type OpenOptions,
  openDataset,
  withClasses,
  withSplits,
} from './dataset/dataset.ts';
export { filterSplit } from './dataset/filter/index.ts';
export type { DatasetInfo } from './dataset/saved.ts';
export type { RowRange, ScannedRows } from './dataset/scan.ts';
export { SourceError, type SourceRoles, type SourceSplit, unifySources } from './dataset/sources.ts';
export { Split, type SplitBlock, type SplitPart } from './dataset/split.ts';
export { fingerprintChanges, fingerprintDataset, type SplitFingerprint } from './fingerprint.ts';
export type { Row } from './format/shard.ts';
export { type TarMember, tarMembers } from './format/tar-headers.ts';
export { isAddress, isPattern } from './store/index.ts';

// Images.

export {
  type AffineOptions,
  type Augmentation,
  augment,
  augmentations,
  type Box,
  type ColorOptions,
  type CropOptions,
  type Fit,
  type Pixels,
  resizeBox,
} from './augment/index.ts';
export { type DecodeTarget, decodeImage, deliveredBox, resizeToSquare } from './image/decode.ts';
export { type ImageFormat, imageFormat } from './image/format.ts';
export { decodeMask, ignoredClass, type Mask } from './image/mask.ts';
export { type ImageSize, imageSize, openImage } from './image/open.ts';
export { type Color, encodePng } from './image/png.ts';

// Batches.

export { checkRows, type RowCheck } from './loader/check-rows.ts';
export {
  type BatchColumns,
  type ColumnKind,
  type ColumnNames,
  type ColumnRequest,
  type ColumnRequests,
  type ColumnValues,
  classNamesIn,
  resolveColumns,
  usualColumns,
} from './loader/columns.ts';
export { type Batch, DataLoader, type LoaderOptions, type LoaderState, type LoaderStats } from './loader/loader.ts';
export { describeReading, type ReadingPlan } from './loader/memory.ts';
export type { RowObjects } from './loader/objects.ts';
export type { SkippedRow } from './loader/sampler.ts';
export { type CaptionChoice, type RowTexts, textGroups, textsOf } from './loader/texts.ts';
export { drawMixup, type MixupDraw, type MixupOptions, notMixed, type PixelBox } from './mixup.ts';
export {
  createOrder,
  type Locality,
  type MixturePart,
  mixtureOrder,
  type Order,
  type OrderOptions,
  type ShuffleOptions,
} from './order/index.ts';
export { balancedRowWeights, noClass } from './order/weighted.ts';
export { CounterRandom, type Purpose, permutation, purpose } from './random.ts';

// Captions.

export {
  BytePairTokenizer,
  cleanCaption,
  clipVocabularySize,
  type EncodeBatchOptions,
  HuggingFaceTokenizer,
  hasTokenizer,
  isEmptyCaption,
  loadClipTokenizer,
  loadHuggingFaceTokenizer,
  loadTokenizer,
  type Merge,
  repairText,
  saveHuggingFaceTokenizer,
  saveTokenizer,
  type Tokenizer,
  type TokenizerJson,
  type TrainBpeOptions,
  trainBpe,
} from './tokenizer/index.ts';
