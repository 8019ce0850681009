/** Reading of the files that PyTorch writes. */
import { elementBytes, type SafetensorsTensor } from '@tessera/tensor/safetensors';
import { firstBytes } from '../files/first-bytes.ts';
import type { StoredTensor, StoredTensors } from '../files/stored-tensor.ts';
import { type NamedTensors, namedTensors } from './named-tensors.ts';
import type { StorageReference } from './references.ts';
import { checkedBytes, readStrided } from './strided.ts';
import { openTorchArchive } from './torch-archive.ts';
import type { TorchContent } from './torch-content.ts';
import { openTorchLegacy } from './torch-legacy.ts';

export interface WeightFileOptions {
  /**
   * The part of the file to read: a key of a checkpoint (`model_ema`), keys joined by dots, or the start of the tensors' names
   * (`module.encoder_q`). Default: the usual keys (`state_dict`, `model`, ...), or the file's top level.
   */
  readonly key?: string;
}

/**
 * Tensors that share a storage are copied when they are read. A file whose tensors are more than this many times as large as its storages
 * is rejected: no model is like that.
 */
const largestGrowth = 8;

const isZip = (start: Uint8Array): boolean => start[0] === 0x50 && start[1] === 0x4b;

/** Whether a file that starts with these bytes was written by `torch.save` or TorchScript: a zip archive or a pickle. */
export const isTorchFile = (start: Uint8Array): boolean => isZip(start) || (start[0] === 0x80 && (start[1] ?? 0) <= 5);

/**
 * Opens a PyTorch file: `torch.save` of a state_dict or of a checkpoint that contains one (`.pt`, `.pth`, `.bin`; zip archives and the
 * format before PyTorch 1.6), or a TorchScript archive. No code from the file is run: its pickle is read as data, and anything except
 * tensors, dicts, lists and numbers is rejected with its name. Checksums are compared at once, the values of a tensor are read when they
 * are first used: the file may be larger than memory.
 *
 * @throws if the file is damaged or malicious, or contains no named tensors; the message contains the path
 */
export const openTorchFile = async (path: string, options: WeightFileOptions = {}): Promise<StoredTensors> =>
  (await openTensors(path, options)).stored;

/**
 * Reads all tensors of a PyTorch file into memory; see `openTorchFile`.
 *
 * @returns the tensors by name
 */
export async function readTorchFile(
  path: string,
  options: WeightFileOptions = {},
): Promise<Map<string, SafetensorsTensor>> {
  const { stored, close } = await openTensors(path, options);
  try {
    const entries = [...stored.tensors];
    return new Map(entries.map(([name, { dtype, shape, read }]) => [name, { dtype, shape, data: read() }]));
  } finally {
    close();
  }
}

async function openTensors(
  path: string,
  options: WeightFileOptions,
): Promise<{ stored: StoredTensors; close(): void }> {
  const open = isZip(firstBytes(path)) ? openTorchArchive : openTorchLegacy;
  let content: TorchContent | null = null;
  try {
    content = await open(path);
    const { tensors, ...found } = namedTensors(content.saved, options.key ?? null);
    const stored = { path, metadata: {}, ...found, tensors: await storedTensors(content, tensors) };
    return { stored, close: content.close };
  } catch (cause) {
    content?.close();
    throw new Error(`${path}: ${(cause as Error).message}`, { cause });
  }
}

/** A storage of the file: its size in bytes, and how many tensors use it. */
interface StorageUse {
  readonly bytes: number;
  readonly tensors: number;
}

/** Checks the storages that tensors use. All sizes are checked before the first storage is read. */
async function storedTensors(
  content: TorchContent,
  references: NamedTensors['tensors'],
): Promise<Map<string, StoredTensor>> {
  const storages = new Map<string, StorageUse>();
  let needed = 0;
  for (const [name, reference] of references) {
    const bytes = checkedStorage(content, reference.storage);
    needed += about(name, () => checkedBytes(reference));
    const { tensors } = storages.get(reference.storage.key) ?? { tensors: 0 };
    storages.set(reference.storage.key, { bytes, tensors: tensors + 1 });
  }
  const stored = [...storages.values()].reduce((total, { bytes }) => total + bytes, 0);
  if (needed > largestGrowth * stored)
    throw new Error(`contains tensors of ${needed} bytes in storages of only ${stored} bytes: rejected`);

  const readers = new Map<string, () => Uint8Array>();
  const last = rememberLast();
  for (const [storage, { tensors }] of storages) {
    const read = await content.storage(storage);
    readers.set(storage, tensors === 1 ? read : () => last(storage, read));
  }
  return new Map(
    [...references].map(([name, reference]) => {
      const { shape, storage } = reference;
      const bytes = readers.get(storage.key) as () => Uint8Array;
      return [name, { shape, dtype: storage.dtype, read: () => readStrided(reference, bytes()).data }];
    }),
  );
}

/** Keeps the storage that was read last: tensors that share one usually follow each other. */
function rememberLast(): (key: string, read: () => Uint8Array) => Uint8Array {
  let last: { readonly key: string; readonly bytes: Uint8Array } | null = null;
  return (key, read) => {
    last = last?.key === key ? last : { key, bytes: read() };
    return last.bytes;
  };
}

/** The size of a storage in bytes. @throws if the file has no such storage, or one of another size */
function checkedStorage(content: TorchContent, { key, dtype, length }: StorageReference): number {
  const bytes = content.storageBytes(key);
  if (bytes === undefined) throw new Error(`refers to storage ${key}, which is not in the file`);
  const needed = length * elementBytes(dtype);
  if (bytes !== needed)
    throw new Error(`has ${bytes} bytes in storage ${key}, but ${length} elements of ${dtype} take ${needed}`);
  return bytes;
}

function about<T>(name: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    throw new Error(`${name}: ${(cause as Error).message}`, { cause });
  }
}
