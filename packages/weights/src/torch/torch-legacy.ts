/** PyTorch's file format before PyTorch 1.6. */
import { promises as fs } from 'node:fs';
import { readExactly } from '@tessera/data/io';
import { elementBytes } from '@tessera/tensor/safetensors';
import type { PickleRules } from './pickle/opcodes.ts';
import { torchRules } from './pickle/torch-rules.ts';
import { unpickle } from './pickle/unpickle.ts';
import { type PickleValue, type StorageReference, Tuple } from './pickle/values.ts';
import type { TorchContent } from './torch-content.ts';

/** The magic number, the first pickle of the file; the protocol version is the second. */
const magic = 0x1950a86a20f9469cfc6cn;
const protocol = 1001;

/**
 * Opens a file that `torch.save` wrote before PyTorch 1.6: five pickles (magic number, protocol, machine, the saved value, the keys of
 * the storages), then for each key in order the number of elements (8 bytes) and the elements.
 */
export async function openTorchLegacy(path: string): Promise<TorchContent> {
  const file = await fs.open(path);
  let bytes: Uint8Array;
  try {
    bytes = readExactly(file.fd, 0, (await file.stat()).size);
  } finally {
    await file.close();
  }
  const storages = new Map<string, StorageReference>();
  const rules: PickleRules = { ...torchRules, persistent: (id) => register(storages, id) };
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
  const places = locateStorages(bytes, position, keys, storages);
  return {
    saved,
    storageBytes: (key) => places.get(key)?.byteLength,
    storage: async (key) => {
      const bytes = places.get(key);
      if (bytes === undefined) throw new Error(`has no storage ${key}`);
      return bytes;
    },
    close: async () => undefined,
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

function locateStorages(
  bytes: Uint8Array,
  start: number,
  keys: PickleValue,
  storages: ReadonlyMap<string, StorageReference>,
): Map<string, Uint8Array> {
  if (!Array.isArray(keys)) throw new Error('has no list of storages');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const places = new Map<string, Uint8Array>();
  let position = start;
  for (const key of keys) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (storage === undefined || places.has(storage.key))
      throw new Error('has a list of storages that does not match its tensors');
    const size = storage.length * elementBytes(storage.dtype);
    if (size + 8 > bytes.byteLength - position)
      throw new Error(`ends within storage ${storage.key}, which needs ${size} bytes: the file is truncated`);
    const length = view.getBigUint64(position, true);
    if (length !== BigInt(storage.length))
      throw new Error(`has ${length} elements in storage ${storage.key}, but its tensors expect ${storage.length}`);
    places.set(storage.key, bytes.subarray(position + 8, position + 8 + size));
    position += 8 + size;
  }
  if (position !== bytes.byteLength) throw new Error(`has ${bytes.byteLength - position} bytes after its last storage`);
  return places;
}
