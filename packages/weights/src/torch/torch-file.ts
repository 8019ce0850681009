/** Reading of the files that PyTorch writes. */
import { elementBytes, type SafetensorsTensor } from '@tessera/tensor/safetensors';
import { firstBytes } from '../first-bytes.ts';
import { namedTensors } from './named-tensors.ts';
import type { StorageReference, TensorReference } from './pickle/values.ts';
import { checkedBytes, readStrided } from './strided.ts';
import { openTorchArchive } from './torch-archive.ts';
import type { TorchContent } from './torch-content.ts';
import { openTorchLegacy } from './torch-legacy.ts';

export interface TorchFileOptions {
  /** The key of the state_dict in a checkpoint. Default: the usual keys (`state_dict`, `model`, ...), or the file's top level. */
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
 * Reads the tensors of a PyTorch file: `torch.save` of a state_dict or of a checkpoint that contains one (`.pt`, `.pth`, `.bin`; zip
 * archives and the format before PyTorch 1.6), and TorchScript archives. No code from the file is run: its pickle is read as data, and
 * anything except tensors, dicts, lists and numbers is rejected with its name.
 *
 * @returns the tensors by name
 * @throws if the file is damaged or malicious, or contains no named tensors; the message contains the path
 */
export async function readTorchFile(
  path: string,
  options: TorchFileOptions = {},
): Promise<Map<string, SafetensorsTensor>> {
  const open = isZip(await firstBytes(path)) ? openTorchArchive : openTorchLegacy;
  let content: TorchContent | null = null;
  try {
    content = await open(path);
    return await readTensors(content, options.key ?? null);
  } catch (cause) {
    throw new Error(`${path}: ${(cause as Error).message}`, { cause });
  } finally {
    await content?.close();
  }
}

/** A storage of the file: its size in bytes, and the tensors that use it. */
interface StorageUse {
  readonly bytes: number;
  readonly tensors: (readonly [name: string, reference: TensorReference])[];
}

/** Reads each storage once, and only if a tensor uses it. All sizes are checked before the first one is read. */
async function readTensors(content: TorchContent, key: string | null): Promise<Map<string, SafetensorsTensor>> {
  const references = namedTensors(content.saved, key);
  const storages = new Map<string, StorageUse>();
  let needed = 0;
  for (const [name, reference] of references) {
    const bytes = checkedStorage(content, reference.storage);
    needed += about(name, () => checkedBytes(reference));
    const use = storages.get(reference.storage.key) ?? { bytes, tensors: [] };
    use.tensors.push([name, reference]);
    storages.set(reference.storage.key, use);
  }
  const stored = [...storages.values()].reduce((total, { bytes }) => total + bytes, 0);
  if (needed > largestGrowth * stored)
    throw new Error(`contains tensors of ${needed} bytes in storages of only ${stored} bytes: rejected`);

  const read = new Map<string, SafetensorsTensor>();
  for (const [storage, { tensors }] of storages) {
    const bytes = await content.storage(storage);
    for (const [name, reference] of tensors) read.set(name, readStrided(reference, bytes));
  }
  // In the order of the names, whatever the order of the storages.
  const ordered = new Map<string, SafetensorsTensor>();
  for (const name of references.keys()) {
    const tensor = read.get(name);
    if (tensor !== undefined) ordered.set(name, tensor);
  }
  return ordered;
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
