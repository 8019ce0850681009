/** Data sets on disk, and the way from their rows to batches of pixels and texts. */
export type { Value } from './arrow/column.ts';
export * from './arrow/features.ts';
export { ArrowFileError } from './arrow/messages.ts';
export * from './arrow/reader.ts';
export * from './arrow/writer.ts';
export * from './augment/index.ts';
export {
  type BatchColumns,
  type CaptionChoice,
  type ColumnKind,
  type ColumnNames,
  type ColumnRequest,
  type ColumnRequests,
  type ColumnValues,
  type RowTexts,
  usualColumns,
} from './columns.ts';
export { type DecodeTarget, decodeImage } from './decode.ts';
export * from './loader.ts';
export { CounterRandom, type Purpose, permutation, purpose } from './random.ts';
export type { SkippedRow } from './sampler.ts';
export * from './tokenizer/index.ts';
