/** Checksums of the tensors in a safetensors file, kept in its metadata: a flipped bit on a disk is noticed when the file is read. */
import { crc32 } from 'node:zlib';
import { type SafetensorsEntry, safetensorsChunks } from '@tessera/tensor/safetensors';

/** Entry of the metadata: a JSON object from the names of tensors to the CRC-32 of their bytes. */
const key = 'checksums';

interface Header {
  readonly __metadata__?: Readonly<Record<string, string>>;
  readonly [name: string]: unknown;
}

/** The tensors of a file with the places of their bytes, relative to `start`, the end of the header. */
function readHeader(bytes: Uint8Array): { readonly header: Header; readonly start: number } {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  const text = new TextDecoder().decode(bytes.subarray(8, 8 + length));
  return { header: JSON.parse(text) as Header, start: 8 + length };
}

/** The content of a safetensors file whose metadata contain the checksum of each tensor. */
export function checkedChunks(
  entries: Iterable<SafetensorsEntry>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array[] {
  const list = [...entries];
  const [first, ...parts] = safetensorsChunks(list, metadata);
  const names = Object.keys(readHeader(first as Uint8Array).header).filter((name) => name !== '__metadata__');
  const checksums = Object.fromEntries(names.map((name, k) => [name, crc32(parts[k] as Uint8Array)]));
  return safetensorsChunks(list, { ...metadata, [key]: JSON.stringify(checksums) });
}

/**
 * Compares the tensors of a file, which was parsed without an error, with the checksums in its metadata. Files without checksums pass.
 *
 * @throws if a tensor differs; the message contains the path and the names
 */
export function verifyChecksums(bytes: Uint8Array, path: string): void {
  const { header, start } = readHeader(bytes);
  const text = header.__metadata__?.[key];
  if (text === undefined) return;
  const damaged = Object.entries(JSON.parse(text) as Record<string, number>).flatMap(([name, expected]) => {
    const [from, to] = (header[name] as { readonly data_offsets: readonly [number, number] }).data_offsets;
    return crc32(bytes.subarray(start + from, start + to)) === expected ? [] : [name];
  });
  if (damaged.length > 0)
    throw new Error(
      `${path}: is damaged: the checksum of ${damaged.slice(0, 3).join(', ')}${damaged.length > 3 ? ` and ${damaged.length - 3} other tensors` : ''} does not match`,
    );
}
