/** PyTorch's file format before PyTorch 1.6. */

import { type PickleValue, Tuple, unpickle } from '@tessera/data/pickle';
import { elementBytes } from '@tessera/tensor/safetensors';
import { FileParts } from '../files/file-parts.ts';
import type { StorageReference } from './references.ts';
import type { TorchContent } from './torch-content.ts';
import { type TorchRules, torchRules } from './torch-rules.ts';

/** The magic number, the first pickle of the file; the protocol version is the second. */
const magic = 0x1950a86a20f9469cfc6cn;
const protocol = 1001;
/** The pickles come first, and need far less than this. */
const largestPickles = 2 ** 26;

/**
 * Opens a file that `torch.save` wrote before PyTorch 1.6: five pickles (magic number, protocol, machine, the saved value, the keys of
 * the storages), then for each key in order the number of elements (8 bytes) and the elements.
 */
export async function openTorchLegacy(path: string): Promise<TorchContent> {
  const file = new FileParts(path);
  try {
    return readLegacy(file);
  } catch (error) {
    file.close();
    throw error;
  }
}

function readLegacy(file: FileParts): TorchContent {
  const bytes = file.read(0, Math.min(file.size, largestPickles));
  const storages = new Map<string, StorageReference>();
  const rules: TorchRules = { ...torchRules, persistent: (id) => register(storages, id) };
  let position = 0;
  const next = (): PickleValue => {
    const { value, end } = unpickle(bytes, rules, position);
    position = end;
    return value;
  };
  if (next() !== magic) throw new Error('is a pickle, but not one of torch.save');
  if (next() !== protocol) throw new Error(`has another protocol than ${protocol}, which torch.save writes`);
  const machine = next();
  if (machine instanceof Map && machine.get('little_endian') === false)
    throw new Error('has numbers in big-endian byte order; only little-endian numbers can be read');
  const saved = next();
  const keys = next();
  const places = locateStorages(file, position, keys, storages);
  return {
    saved,
    storageBytes: (key) => {
      const place = places.get(key);
      return place === undefined ? undefined : place.end - place.begin;
    },
    storage: async (key) => {
      const place = places.get(key);
      if (place === undefined) throw new Error(`has no storage ${key}`);
      return () => file.read(place.begin, place.end);
    },
    close: () => file.close(),
  };
}

function register(storages: Map<string, StorageReference>, id: PickleValue): StorageReference {
  const storage = torchRules.persistent(id);
  if (id instanceof Tuple && (id.items[5] ?? null) !== null)
    throw new Error('refers to a view of a storage, which cannot be read');
  const { key, dtype, length } = storage;
  const known = storages.get(key);
  if (known !== undefined && (known.dtype !== dtype || known.length !== length))
    throw new Error(
      `refers to storage ${key} as ${length} elements of ${dtype}, and as ${known.length} of ${known.dtype}`,
    );
  storages.set(key, storage);
  return storage;
}

/** Where the elements of a storage are, in bytes from the start of the file. */
interface Place {
  readonly begin: number;
  readonly end: number;
}

function locateStorages(
  file: FileParts,
  start: number,
  keys: PickleValue,
  storages: ReadonlyMap<string, StorageReference>,
): Map<string, Place> {
  if (!Array.isArray(keys)) throw new Error('has no list of storages');
  const places = new Map<string, Place>();
  let position = start;
  for (const key of keys) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (storage === undefined || places.has(storage.key))
      throw new Error('has a list of storages that does not match its tensors');
    const size = storage.length * elementBytes(storage.dtype);
    if (size + 8 > file.size - position)
      throw new Error(`ends within storage ${storage.key}, which needs ${size} bytes: the file is truncated`);
    const length = new DataView(file.read(position, position + 8).buffer).getBigUint64(0, true);
    if (length !== BigInt(storage.length))
      throw new Error(`has ${length} elements in storage ${storage.key}, but its tensors expect ${storage.length}`);
    places.set(storage.key, { begin: position + 8, end: position + 8 + size });
    position += 8 + size;
  }
  if (position !== file.size) throw new Error(`has ${file.size - position} bytes after its last storage`);
  return places;
}
