import { promises as fs } from 'node:fs';
import { elementBytes, type SafetensorsTensor } from '@tessera/tensor';
import { namedTensors } from '../named-tensors.ts';
import type { StorageReference, TensorReference } from './pickle/values.ts';
import { checkedBytes, readStrided } from './strided.ts';
import { openTorchArchive } from './torch-archive.ts';
import type { TorchContent } from './torch-content.ts';
import { openTorchLegacy } from './torch-legacy.ts';

export interface TorchFileOptions {
  /** The key under which the state_dict lies. Default: the usual ones (`state_dict`, `model`, ...), or the file's top level. */
  readonly key?: string;
}

/** Tensors that share bytes take their own when they are read; beyond this many times the file's numbers it is no model. */
const largestGrowth = 8;

const isZip = (start: Uint8Array): boolean => start[0] === 0x50 && start[1] === 0x4b;

/** True for what `torch.save` or TorchScript wrote, by the first bytes: a zip archive, or a pickle. */
export const isTorchFile = (start: Uint8Array): boolean =>
  isZip(start) || (start[0] === 0x80 && (start[1] as number) <= 5);

/**
 * Reads the tensors of a file that PyTorch wrote: `torch.save` of a state_dict or of a checkpoint that holds one (`.pt`, `.pth`, `.bin`; zip
 * archives and the format before PyTorch 1.6), and TorchScript's archives. No code is run from the file: its pickle is read as data, and
 * anything but tensors, dicts, lists and numbers is refused by name.
 *
 * @throws where the file is damaged, hostile, or holds no tensors by name; the message names the path
 */
export async function readTorchFile(
  path: string,
  options: TorchFileOptions = {},
): Promise<Map<string, SafetensorsTensor>> {
  let content: TorchContent | null = null;
  try {
    content = await openContent(path);
    return await readTensors(content, options.key ?? null);
  } catch (cause) {
    throw new Error(`${path}: ${(cause as Error).message}`, { cause });
  } finally {
    await content?.close();
  }
}

async function openContent(path: string): Promise<TorchContent> {
  const file = await fs.open(path);
  let start: Uint8Array;
  try {
    start = (await file.read(new Uint8Array(4), 0, 4, 0)).buffer;
  } finally {
    await file.close();
  }
  return isZip(start) ? openTorchArchive(path) : openTorchLegacy(path);
}

type NamedReference = readonly [name: string, reference: TensorReference];

/** Every storage is read once, and only if a tensor lies in it. All sizes are checked before the first. */
async function readTensors(content: TorchContent, key: string | null): Promise<Map<string, SafetensorsTensor>> {
  const references = [...namedTensors(content.saved, key)];
  const users = new Map<string, NamedReference[]>();
  let needed = 0;
  for (const [name, reference] of references) {
    const { storage } = reference;
    checkStorage(content, storage);
    needed += about(name, () => checkedBytes(reference));
    const others = users.get(storage.key);
    if (others === undefined) users.set(storage.key, [[name, reference]]);
    else others.push([name, reference]);
  }
  const stored = [...users.keys()].reduce((total, storage) => total + (content.storageBytes(storage) as number), 0);
  if (needed > largestGrowth * stored)
    throw new Error(`holds tensors of ${needed} bytes in ${stored} bytes of numbers: refused`);

  // In the order of the names, whatever order the storages come in.
  const tensors = new Map<string, SafetensorsTensor | null>(references.map(([name]) => [name, null]));
  for (const [storage, entries] of users) {
    const bytes = await content.storage(storage);
    for (const [name, reference] of entries) tensors.set(name, readStrided(reference, bytes));
  }
  return tensors as Map<string, SafetensorsTensor>;
}

/** @throws where the file has no such storage, or one of another size */
function checkStorage(content: TorchContent, { key, dtype, length }: StorageReference): void {
  const bytes = content.storageBytes(key);
  if (bytes === undefined) throw new Error(`refers to storage ${key}, which is not in the file`);
  const needed = length * elementBytes(dtype);
  if (bytes !== needed)
    throw new Error(`has ${bytes} bytes in storage ${key}; ${dtype} of ${length} elements take ${needed}`);
}

function about<T>(name: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    throw new Error(`${name}: ${(cause as Error).message}`, { cause });
  }
}
