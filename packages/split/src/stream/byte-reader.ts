/** Reading of exact byte counts from a stream of chunks. */
import { HandOffError } from './header.ts';

/** Reads exact numbers of bytes from chunks of any size. */
export class ByteReader {
  /** The number of bytes read so far. */
  position = 0;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next `length` bytes in a new buffer. @param what for the error message @throws HandOffError if the stream ends before */
  async exactly(length: number, what: string): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      if (!(await this.#more()))
        throw new HandOffError(
          `is truncated: it ends at byte ${this.position}; expected ${what} (${length - done} more bytes). Did the sender stop?`,
        );
      const part = this.#chunk.subarray(0, length - done);
      bytes.set(part, done);
      this.#chunk = this.#chunk.subarray(part.byteLength);
      done += part.byteLength;
      this.position += part.byteLength;
    }
    return bytes;
  }

  /** Whether the stream has ended. */
  async atEnd(): Promise<boolean> {
    return !(await this.#more());
  }

  async #more(): Promise<boolean> {
    while (this.#chunk.byteLength === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return false;
      this.#chunk = next.value;
    }
    return true;
  }
}
