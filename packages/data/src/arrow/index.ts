/** Arrow's IPC stream format, for packages that read or write their own streams. */
export { continuation, type DecodedMessage, decodeMessage, type RecordBatchEntry } from './messages.ts';
export { type ArrowSchema, describeSchema } from './schema.ts';
export { SinkStreamWriter } from './stream-writer.ts';
