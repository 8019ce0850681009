/** Checksums of the tensors in a safetensors file, stored in its metadata, so that a flipped bit on disk is detected on reading. */
import { crc32 } from 'node:zlib';
import type { SafetensorsHeader } from '@tessera/tensor/safetensors';
import type { FileParts } from '../files/file-parts.ts';

/** The key of the metadata: a JSON object with the CRC-32 of each tensor's bytes, by name. */
const key = 'tessera_checksums';

/** The metadata with the checksums of tensors, by name. */
export const withChecksums = (
  metadata: Readonly<Record<string, string>>,
  checksums: ReadonlyMap<string, number>,
): Record<string, string> => ({ ...metadata, [key]: JSON.stringify(Object.fromEntries(checksums)) });

/**
 * Compares the tensors of a file with the checksums in its metadata, piece by piece. A file without checksums is accepted.
 *
 * @throws if a tensor differs, or if the checksums are damaged; the message contains the path and the names
 */
export function verifyChecksums(file: FileParts, { places, metadata }: SafetensorsHeader): void {
  const text = metadata[key];
  if (text === undefined) return;
  const { path } = file;
  const expected = parseChecksums(text, path);
  const damaged: string[] = [];
  for (const { name, begin, end } of places) {
    let checksum = 0;
    for (const piece of file.pieces(begin, end)) checksum = crc32(piece, checksum);
    if (checksum !== expected.get(name)) damaged.push(name);
  }
  if (damaged.length === 0) return;
  const [first, second, third, ...others] = damaged;
  const names = [first, second, third].filter((name) => name !== undefined).join(', ');
  throw new Error(
    `${path}: is damaged: the checksum of ${names}${others.length > 0 ? ` and ${others.length} other tensors` : ''} does not match`,
  );
}

function parseChecksums(text: string, path: string): ReadonlyMap<string, unknown> {
  try {
    return new Map(Object.entries(JSON.parse(text)));
  } catch (cause) {
    throw new Error(`${path}: its metadata is damaged: ${key} is not a JSON object`, { cause });
  }
}
