/** A new file that is written from its beginning to its end, with a count of its bytes. */
import fs from 'node:fs';
import { writeFullySync } from '../io/file-system.ts';

/** Small parts are written together. */
const bufferBytes = 2 ** 18;

export class FileSink {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(bufferBytes);
  #held = 0;
  #open = true;
  bytes = 0;

  /** @throws if the file exists */
  constructor(path: string) {
    this.#fd = fs.openSync(path, 'wx');
  }

  write(bytes: Uint8Array): void {
    this.bytes += bytes.byteLength;
    if (this.#held + bytes.byteLength > bufferBytes) this.#flush();
    if (bytes.byteLength > bufferBytes) {
      writeFullySync(this.#fd, bytes);
      return;
    }
    this.#buffer.set(bytes, this.#held);
    this.#held += bytes.byteLength;
  }

  #flush(): void {
    writeFullySync(this.#fd, this.#buffer.subarray(0, this.#held));
    this.#held = 0;
  }

  /** @param complete whether everything that was written must be on the disk afterwards */
  close(complete: boolean): void {
    if (!this.#open) return;
    this.#open = false;
    try {
      if (complete) {
        this.#flush();
        fs.fsyncSync(this.#fd);
      }
    } finally {
      fs.closeSync(this.#fd);
    }
  }
}
