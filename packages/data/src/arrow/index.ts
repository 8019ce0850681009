/** Arrow's stream format, for code that reads or writes a stream of its own. */
export { continuation, type DecodedMessage, decodeMessage, type RecordBatchEntry } from './messages.ts';
export { SinkStreamWriter } from './stream-writer.ts';
