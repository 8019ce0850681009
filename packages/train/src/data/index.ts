export type { Value } from './arrow/column.ts';
export * from './arrow/features.ts';
export { ArrowFileError } from './arrow/messages.ts';
export * from './arrow/reader.ts';
export * from './arrow/writer.ts';
