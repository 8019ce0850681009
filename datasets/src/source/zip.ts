/** The files of a zip archive. */
import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { errorMessage } from '@tessera/data/io';
import { type Entry, openPromise } from 'yauzl';
import type { SourceFiles } from './source-files.ts';

/** Opens a zip archive. @throws if it is damaged; the message names it */
export async function openZipFiles(file: string): Promise<SourceFiles> {
  const zip = await openPromise(file, { autoClose: false, lazyEntries: true }).catch((error: unknown) => {
    throw new Error(`${file}: cannot be read as a zip archive (${errorMessage(error)})`);
  });
  const entries = new Map<string, Entry>();
  try {
    for await (const entry of zip.eachEntry()) if (!entry.fileName.endsWith('/')) entries.set(entry.fileName, entry);
  } catch (error) {
    zip.close();
    throw new Error(`${file}: cannot be read as a zip archive (${errorMessage(error)})`);
  }
  return {
    where: file,
    names: [...entries.keys()].sort(),
    has: (name) => entries.has(name),
    async read(name) {
      const entry = entries.get(name);
      if (entry === undefined) throw new Error(`${file}: has no file ${name}`);
      try {
        const bytes = await buffer(await zip.openReadStreamPromise(entry));
        if (crc32(bytes) !== entry.crc32) throw new Error('it does not match its checksum');
        return bytes;
      } catch (error) {
        throw new Error(`${file}: ${name} is damaged (${errorMessage(error)})`);
      }
    },
    async *stream(name) {
      const entry = entries.get(name);
      if (entry === undefined) throw new Error(`${file}: has no file ${name}`);
      try {
        let sum = 0;
        for await (const piece of await zip.openReadStreamPromise(entry)) {
          sum = crc32(piece as Buffer, sum);
          yield piece as Buffer;
        }
        if (sum !== entry.crc32) throw new Error('it does not match its checksum');
      } catch (error) {
        throw new Error(`${file}: ${name} is damaged (${errorMessage(error)})`);
      }
    },
    close: async () => zip.close(),
  };
}
