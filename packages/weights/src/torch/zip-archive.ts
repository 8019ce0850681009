/** Reading of zip archives that may be damaged or malicious. */
import { crc32, inflateRawSync } from 'node:zlib';
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl';
import { FileParts } from '../files/file-parts.ts';

/** The entries of a zip archive. Each is read and checked on its own. */
export interface ZipArchive {
  /** The unpacked sizes of the entries in bytes, by name. */
  readonly sizes: ReadonlyMap<string, number>;
  /** Checks an entry, and returns a function that reads it. @throws if it is missing, or if its size or checksum differs from the directory's */
  check(name: string): Promise<() => Uint8Array>;
  /** Checks and reads an entry. */
  read(name: string): Promise<Uint8Array>;
  close(): void;
}

const maximumEntries = 200_000;
/** Deflate compresses data by up to a factor of 1032. PyTorch does not compress, but tools that repack archives do. */
const largestRatio = 200;
/** The limit applies only to archives that unpack to more bytes than this. */
const alwaysAllowed = 2 ** 26;

/**
 * Reads the parts of the file that the archive's directory refers to. A place outside of the file becomes an error that the library
 * passes on; Node's `fs.read` would throw it where nothing can catch it.
 */
class PartsReader extends RandomAccessReader {
  readonly #file: FileParts;

  constructor(file: FileParts) {
    super();
    this.#file = file;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    const { size } = this.#file;
    const answer = (): [Error | null, number] => {
      if (!(position >= 0 && position + length <= size))
        return [new Error(`it refers to byte ${position} of ${size}`), 0];
      buffer.set(this.#file.read(position, position + length), offset);
      return [null, length];
    };
    let result: [Error | null, number];
    try {
      result = answer();
    } catch (error) {
      result = [error as Error, 0];
    }
    setImmediate(callback, ...result);
  }
}

/** Opens a zip archive. @throws if it is damaged, or if it would unpack to far more bytes than it has */
export async function openZip(path: string): Promise<ZipArchive> {
  const file = new FileParts(path);
  try {
    const options = { autoClose: false, strictFileNames: true };
    const zip = await fromRandomAccessReaderPromise(new PartsReader(file), file.size, options);
    const entries = await readDirectory(zip);
    const check = (name: string): Promise<() => Uint8Array> => checkEntry(zip, file, entries.get(name), name);
    return {
      sizes: new Map([...entries].map(([name, { uncompressedSize }]) => [name, uncompressedSize])),
      check,
      read: async (name) => (await check(name))(),
      close: () => file.close(),
    };
  } catch (cause) {
    file.close();
    throw new Error(`is damaged, or not a zip archive: ${(cause as Error).message}`, { cause });
  }
}

async function readDirectory(zip: ZipFile): Promise<ReadonlyMap<string, Entry>> {
  if (zip.entryCount > maximumEntries)
    throw new Error(`has ${zip.entryCount} entries; at most ${maximumEntries} are read`);
  const entries = new Map<string, Entry>();
  let packed = 0;
  let unpacked = 0;
  for await (const entry of zip.eachEntry()) {
    const { fileName, compressedSize, uncompressedSize } = entry;
    if (entries.has(fileName)) throw new Error(`has two entries named ${fileName}`);
    if (!entry.canDecodeFileData())
      throw new Error(
        `has an entry ${fileName} that is encrypted or uses compression method ${entry.compressionMethod}; only stored and deflated entries can be read`,
      );
    entries.set(fileName, entry);
    packed += compressedSize;
    unpacked += uncompressedSize;
  }
  // Overlapping entries are a way to make a small archive unpack to petabytes.
  if (packed > zip.fileSize)
    throw new Error(`has entries of ${packed} bytes in total, but the file has only ${zip.fileSize}: they overlap`);
  if (unpacked > alwaysAllowed && unpacked > largestRatio * zip.fileSize)
    throw new Error(`has ${zip.fileSize} bytes and would unpack to ${unpacked}: rejected as a zip bomb`);
  return entries;
}

async function checkEntry(
  zip: ZipFile,
  file: FileParts,
  entry: Entry | undefined,
  name: string,
): Promise<() => Uint8Array> {
  if (entry === undefined) throw new Error(`has no entry ${name}`);
  const { fileDataStart: begin } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
  const end = begin + entry.compressedSize;
  const stored = entry.compressionMethod === 0;
  const read = (): Uint8Array => (stored ? file.read(begin, end) : inflate(file.read(begin, end), entry, name));
  let checksum = 0;
  for (const piece of stored ? file.pieces(begin, end) : [read()]) checksum = crc32(piece, checksum);
  if (checksum !== entry.crc32)
    throw new Error(`has an entry ${name} that does not match its checksum: the file is damaged`);
  return read;
}

function inflate(stored: Uint8Array, { uncompressedSize }: Entry, name: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = inflateRawSync(stored, { maxOutputLength: Math.max(1, uncompressedSize) });
  } catch (cause) {
    throw new Error(
      `has an entry ${name} that cannot be unpacked to ${uncompressedSize} bytes: ${(cause as Error).message}`,
      { cause },
    );
  }
  if (bytes.byteLength !== uncompressedSize)
    throw new Error(`has an entry ${name} of ${bytes.byteLength} bytes, but its directory says ${uncompressedSize}`);
  return bytes;
}
