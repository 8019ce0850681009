/** Reading of models whose tensors are in several files. */
import { basename } from 'node:path';
import { exists } from '@tessera/data/io';
import type { StoredTensor, StoredTensors } from '../files/stored-tensor.ts';
import { readIndex } from './shard-index.ts';

/**
 * Opens all shards of an index as one file.
 *
 * @param open opens one shard
 * @throws if a shard is missing, or if its tensors are not those of the index; the message contains the path
 */
export async function openShards(
  index: string,
  open: (path: string) => Promise<StoredTensors>,
): Promise<StoredTensors> {
  const { shards } = await readIndex(index);
  const files = [...shards.keys()];
  const absent: string[] = [];
  for (const file of files) if (!(await exists(file))) absent.push(basename(file));
  if (absent.length > 0)
    throw new Error(`${index}: ${absent.length} of its ${files.length} shards are missing: ${absent.join(', ')}`);
  const tensors = new Map<string, StoredTensor>();
  let metadata: StoredTensors['metadata'] = {};
  for (const [file, names] of shards) {
    const shard = await open(file);
    const lacking = names.find((name) => !shard.tensors.has(name));
    if (lacking !== undefined) throw new Error(`${file}: does not contain ${lacking}, which ${index} expects in it`);
    const repeated = [...shard.tensors.keys()].find((name) => tensors.has(name));
    if (repeated !== undefined) throw new Error(`${file}: contains ${repeated}, which is in another shard, too`);
    for (const [name, tensor] of shard.tensors) tensors.set(name, tensor);
    metadata = { ...metadata, ...shard.metadata };
  }
  return { path: index, tensors, metadata, notes: [`read from ${files.length} shards`] };
}
