/** Datasets that are files in folders, on servers or in buckets: Arrow, Parquet, tar. */
import { formatOf } from '../format/index.ts';
import type { OpenShard } from '../format/shard.ts';
import { storeOf } from '../store/index.ts';
import { checkSameFeatures } from './same-features.ts';

/** Files that are opened at the same time. */
const opensAtOnce = 8;

async function openFile(url: string, like?: OpenShard): Promise<OpenShard> {
  const format = formatOf(url);
  const source = await storeOf(url).open(url);
  try {
    return await format.open(source, like);
  } catch (error) {
    source.close();
    throw error;
  }
}

/** Opens the files of a split, in their order. @throws if one cannot be read, or has other columns than the first */
export async function openFiles(urls: readonly string[]): Promise<OpenShard[]> {
  const [first, ...others] = urls;
  if (first === undefined) return [];
  const like = await openFile(first);
  const opened: (OpenShard | undefined)[] = [like];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < others.length) {
      const k = next++;
      opened[k + 1] = await openFile(others[k] as string, like);
    }
  };
  const results = await Promise.allSettled(Array.from({ length: opensAtOnce }, work));
  const shards = opened.filter((shard) => shard !== undefined);
  try {
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    checkSameFeatures(shards);
  } catch (error) {
    for (const shard of shards) shard.close();
    throw error;
  }
  return shards;
}
