/** Writing of Arrow IPC streams without buffering. */
import { RecordBatchStreamWriter } from 'apache-arrow';

/** An Arrow IPC stream that passes each chunk to `sink` at once; the library's own stream buffers everything that is not yet consumed. */
export class SinkStreamWriter extends RecordBatchStreamWriter {
  readonly #sink: (bytes: Uint8Array) => void;
  constructor(sink: (bytes: Uint8Array) => void) {
    super();
    this.#sink = sink;
  }
  protected override _write(chunk: ArrayBufferView): this {
    if (chunk.byteLength > 0) this.#sink(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    return this;
  }
}
