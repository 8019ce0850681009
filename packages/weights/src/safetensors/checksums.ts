/** Checksums of the tensors in a safetensors file, stored in its metadata, so that a flipped bit on disk is detected on reading. */
import { crc32 } from 'node:zlib';
import { type SafetensorsEntry, safetensorsChunks } from '@tessera/tensor/safetensors';

/** The key of the metadata: a JSON object with the CRC-32 of each tensor's bytes, by name. */
const key = 'tessera_checksums';

/** The header of a file, which was parsed without an error before. */
interface Header {
  readonly metadata: Readonly<Record<string, string>>;
  /** The bytes of each tensor by name. */
  readonly tensors: ReadonlyMap<string, Uint8Array>;
}

/** The JSON of a header. */
interface HeaderJson {
  readonly __metadata__?: Readonly<Record<string, string>>;
}
interface TensorJson {
  readonly data_offsets: readonly [from: number, to: number];
}

function readHeader(bytes: Uint8Array): Header {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true));
  const json: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const { __metadata__: metadata = {}, ...places } = json as HeaderJson;
  const content = bytes.subarray(8 + length);
  const tensors = Object.entries<TensorJson>(places).map(
    ([name, { data_offsets: offsets }]) => [name, content.subarray(...offsets)] as const,
  );
  return { metadata, tensors: new Map(tensors) };
}

/** The content of a safetensors file whose metadata contains the checksum of each tensor. */
export function checkedChunks(
  entries: Iterable<SafetensorsEntry>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array[] {
  const list = [...entries];
  const [header, ...parts] = safetensorsChunks(list, metadata);
  if (header === undefined) throw new Error('safetensors: no header');
  // The names are in the order of the parts.
  const names = [...readHeader(header).tensors.keys()];
  const checksums = Object.fromEntries(parts.map((part, k) => [names[k] ?? '', crc32(part)]));
  return safetensorsChunks(list, { ...metadata, [key]: JSON.stringify(checksums) });
}

/**
 * Compares the tensors of a file, which was parsed without an error before, with the checksums in its metadata. A file without checksums
 * is accepted.
 *
 * @throws if a tensor differs, or if the checksums are damaged; the message contains the path and the names
 */
export function verifyChecksums(bytes: Uint8Array, path: string): void {
  const { metadata, tensors } = readHeader(bytes);
  const text = metadata[key];
  if (text === undefined) return;
  const expected = parseChecksums(text, path);
  const damaged = [...tensors].flatMap(([name, data]) => (crc32(data) === expected.get(name) ? [] : [name]));
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
