/** A new file that is written from its beginning to its end, with a count of its bytes. */
import fs from 'node:fs';
import { writeFullySync } from '../io/file-system.ts';

export class FileSink {
  readonly #fd: number;
  #open = true;
  bytes = 0;

  /** @throws if the file exists */
  constructor(path: string) {
    this.#fd = fs.openSync(path, 'wx');
  }

  write(bytes: Uint8Array): void {
    writeFullySync(this.#fd, bytes);
    this.bytes += bytes.byteLength;
  }

  /** @param sync whether the file must be on the disk afterwards */
  close(sync: boolean): void {
    if (!this.#open) return;
    this.#open = false;
    try {
      if (sync) fs.fsyncSync(this.#fd);
    } finally {
      fs.closeSync(this.#fd);
    }
  }
}
