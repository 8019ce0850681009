/** The start of a file, from which its format is recognized. */
import { FileParts } from './file-parts.ts';

/** The first four bytes of a file, or all of a shorter one. @throws if the file cannot be read; the message contains the path */
export function firstBytes(path: string): Uint8Array {
  const file = new FileParts(path);
  try {
    return file.read(0, Math.min(4, file.size));
  } finally {
    file.close();
  }
}
