/** The start of a file, from which its format is recognized. */
import { promises as fs } from 'node:fs';
import { errorCode, errorMessage } from '@tessera/data/io';

/** The first four bytes of a file; zeros past its end. @throws if the file cannot be read; the message contains the path */
export async function firstBytes(path: string): Promise<Uint8Array> {
  try {
    const file = await fs.open(path);
    try {
      return (await file.read(new Uint8Array(4), 0, 4, 0)).buffer;
    } finally {
      await file.close();
    }
  } catch (cause) {
    const reason = errorCode(cause) === 'ENOENT' ? 'there is no such file' : errorMessage(cause);
    throw new Error(`${path}: ${reason}`, { cause });
  }
}
