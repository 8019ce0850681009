import { promises as fs } from 'node:fs';
import { crc32, inflateRawSync } from 'node:zlib';
import { readExactly } from '@tessera/data/io';
import { type Entry, fromRandomAccessReaderPromise, RandomAccessReader, type ZipFile } from 'yauzl';

/** A zip archive's entries, read one at a time and checked. */
export interface ZipArchive {
  /** Sizes in bytes, unpacked, by name. */
  readonly sizes: ReadonlyMap<string, number>;
  /** @throws where the entry is missing, of another size than the archive says, or has another checksum */
  read(name: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

const maximumEntries = 200_000;
/** Deflate makes data at most 1032 times smaller. PyTorch does not compress, but tools that pack again do. */
const largestRatio = 200;
/** Archives whose unpacked size is below this may have any ratio. */
const alwaysAllowed = 2 ** 26;

/**
 * Reads where the archive's directory points. What points outside of the file is an error that the library hands on; given to Node's
 * `fs.read` it would be thrown where nothing can catch it.
 */
class FileReader extends RandomAccessReader {
  readonly #fd: number;
  readonly #size: number;

  constructor(fd: number, size: number) {
    super();
    this.#fd = fd;
    this.#size = size;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    const answer = (): [Error | null, number] => {
      if (!(position >= 0 && position + length <= this.#size))
        return [new Error(`it points to byte ${position} of ${this.#size}`), 0];
      buffer.set(readExactly(this.#fd, position, length), offset);
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

/** @throws where the archive is damaged, or made to unpack to far more than it has */
export async function openZip(path: string): Promise<ZipArchive> {
  const file = await fs.open(path);
  try {
    const { size } = await file.stat();
    const options = { autoClose: false, strictFileNames: true };
    const zip = await fromRandomAccessReaderPromise(new FileReader(file.fd, size), size, options);
    const entries = await readDirectory(zip);
    return {
      sizes: new Map([...entries].map(([name, { uncompressedSize }]) => [name, uncompressedSize])),
      read: (name) => readEntry(zip, file.fd, entries.get(name), name),
      close: () => file.close(),
    };
  } catch (cause) {
    await file.close();
    throw new Error(`is a damaged zip archive, or none: ${(cause as Error).message}`, { cause });
  }
}

async function readDirectory(zip: ZipFile): Promise<ReadonlyMap<string, Entry>> {
  if (zip.entryCount > maximumEntries)
    throw new Error(`has ${zip.entryCount} entries, more than the ${maximumEntries} that are read`);
  const entries = new Map<string, Entry>();
  let packed = 0;
  let unpacked = 0;
  for await (const entry of zip.eachEntry()) {
    const { fileName, compressedSize, uncompressedSize } = entry;
    if (entries.has(fileName)) throw new Error(`has two entries named ${fileName}`);
    if (!entry.canDecodeFileData())
      throw new Error(
        `has ${fileName} encrypted or packed by method ${entry.compressionMethod}: stored and deflate can be read`,
      );
    entries.set(fileName, entry);
    packed += compressedSize;
    unpacked += uncompressedSize;
  }
  // Entries that share their bytes are how a small archive unpacks to petabytes.
  if (packed > zip.fileSize)
    throw new Error(`has entries of ${packed} bytes in all, but the file has only ${zip.fileSize}: they overlap`);
  if (unpacked > alwaysAllowed && unpacked > largestRatio * zip.fileSize)
    throw new Error(`has ${zip.fileSize} bytes and would unpack to ${unpacked}: refused as a zip bomb`);
  return entries;
}

async function readEntry(zip: ZipFile, fd: number, entry: Entry | undefined, name: string): Promise<Uint8Array> {
  if (entry === undefined) throw new Error(`has no entry ${name}`);
  // In one piece: as a stream, gigabytes of numbers would come in some 10,000 chunks.
  const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
  const stored = readExactly(fd, fileDataStart, entry.compressedSize);
  const bytes = entry.compressionMethod === 0 ? stored : inflate(stored, entry, name);
  if (crc32(bytes) !== entry.crc32)
    throw new Error(`has bytes in ${name} that do not match their checksum: the file is damaged`);
  return bytes;
}

function inflate(stored: Uint8Array, { uncompressedSize }: Entry, name: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = inflateRawSync(stored, { maxOutputLength: Math.max(1, uncompressedSize) });
  } catch (cause) {
    throw new Error(
      `has bytes in ${name} that cannot be unpacked to ${uncompressedSize} bytes: ${(cause as Error).message}`,
      { cause },
    );
  }
  if (bytes.byteLength !== uncompressedSize)
    throw new Error(`has ${bytes.byteLength} bytes in ${name}, its directory says ${uncompressedSize}`);
  return bytes;
}
