import { promises as fs } from 'node:fs';
import { crc32 } from 'node:zlib';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { readExactly } from '../io/file-system.ts';

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

/** @throws where the archive is damaged, or made to unpack to far more than it has */
export async function openZip(path: string): Promise<ZipArchive> {
  const file = await fs.open(path);
  const zip = await openPromise(path, { autoClose: false, strictFileNames: true }).catch(async (cause: Error) => {
    await file.close();
    throw new Error(`is a damaged zip archive: ${cause.message}`, { cause });
  });
  const close = async (): Promise<void> => {
    zip.close();
    await file.close();
  };
  try {
    const entries = await readDirectory(zip);
    return {
      sizes: new Map([...entries].map(([name, { uncompressedSize }]) => [name, uncompressedSize])),
      read: (name) => readEntry(zip, file.fd, entries.get(name), name),
      close,
    };
  } catch (error) {
    await close();
    throw error;
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
  const bytes = entry.compressionMethod === 0 ? await readStored(zip, fd, entry) : await inflate(zip, entry);
  if (crc32(bytes) !== entry.crc32)
    throw new Error(`has bytes in ${name} that do not match their checksum: the file is damaged`);
  return bytes;
}

/** In one piece: as a stream, gigabytes of numbers would come in some 10,000 chunks. */
async function readStored(zip: ZipFile, fd: number, entry: Entry): Promise<Uint8Array> {
  const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
  return readExactly(fd, fileDataStart, entry.uncompressedSize);
}

async function inflate(zip: ZipFile, entry: Entry): Promise<Uint8Array> {
  const bytes = new Uint8Array(entry.uncompressedSize);
  let length = 0;
  // The stream ends in an error where it gives more or fewer bytes than the directory says.
  for await (const chunk of await zip.openReadStreamPromise(entry)) {
    bytes.set(chunk as Uint8Array, length);
    length += (chunk as Uint8Array).byteLength;
  }
  return bytes;
}
