/** Writing of models in several files, so that none is larger than a limit. */
import { promises as fs } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pendingDirectory, writeFileAtomic } from '@tessera/data/io';
import { sizeOf } from '@tessera/tensor';
import { elementBytes } from '@tessera/tensor/safetensors';
import { type TensorToWrite, writeStored } from '../safetensors/write-stored.ts';
import { indexName, parseShardName, shardName } from './shard-index.ts';

const bytesOf = ({ shape, dtype }: TensorToWrite): number => sizeOf(shape) * elementBytes(dtype);

/** Consecutive tensors that fit into the limit together, as Hugging Face's libraries split them. A larger tensor is in a shard of its own. */
function split(tensors: readonly TensorToWrite[], limit: number): TensorToWrite[][] {
  const shards: TensorToWrite[][] = [];
  let current: TensorToWrite[] = [];
  let bytes = 0;
  for (const tensor of tensors) {
    const size = bytesOf(tensor);
    if (current.length > 0 && bytes + size > limit) {
      shards.push(current);
      current = [];
      bytes = 0;
    }
    current.push(tensor);
    bytes += size;
  }
  return [...shards, current];
}

/**
 * Writes tensors to a safetensors file, or, if they are larger than the limit, to several files and their index. No existing file is
 * changed before all new ones are complete. Shards and indexes that belong to an older version of the file are removed.
 *
 * @param path of the file if there is only one: `model.safetensors`
 * @param limit the size of the tensors in a file, in bytes
 * @returns the paths of the files
 */
export async function writeSharded(
  path: string,
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>>,
  limit: number,
): Promise<string[]> {
  const shards = split(tensors, limit);
  const whole = basename(path);
  const at = (name: string): string => join(dirname(path), name);
  if (shards.length === 1) {
    await writeStored(path, tensors, metadata);
    await removeOthers(path, new Set([whole]));
    return [path];
  }
  const names = shards.map((_, k) => shardName(whole, k + 1, shards.length));
  const pending = await pendingDirectory(at(`${whole}.shards`));
  try {
    for (const [k, shard] of shards.entries())
      await writeStored(join(pending.temporary, names[k] as string), shard, metadata);
    for (const name of names) await fs.rename(join(pending.temporary, name), at(name));
  } finally {
    await pending.abort();
  }
  const map = shards.flatMap((shard, k) => shard.map(({ name }) => [name, names[k]]));
  const total = tensors.reduce((sum, tensor) => sum + bytesOf(tensor), 0);
  const index = { metadata: { total_size: total }, weight_map: Object.fromEntries(map.sort(byName)) };
  await writeFileAtomic(at(indexName(whole)), [`${JSON.stringify(index, null, 2)}\n`]);
  await removeOthers(path, new Set([...names, indexName(whole)]));
  return [...names, indexName(whole)].map(at);
}

const byName = ([a]: readonly unknown[], [b]: readonly unknown[]): number => (String(a) < String(b) ? -1 : 1);

/** Removes the files of an older version: those that another program could take for the model. */
async function removeOthers(path: string, kept: ReadonlySet<string>): Promise<void> {
  const whole = basename(path);
  const folder = dirname(path);
  const belongs = (name: string): boolean =>
    name === whole || name === indexName(whole) || parseShardName(name)?.whole === whole;
  for (const name of await fs.readdir(folder)) if (belongs(name) && !kept.has(name)) await fs.rm(join(folder, name));
}
