/** Datasets that are files in folders, on servers or in buckets: Arrow, Parquet, tar. */
import { folderShard } from '../folder/open-folder.ts';
import type { ColumnView } from '../format/column-view.ts';
import { formatNamed, formatOf } from '../format/index.ts';
import type { OpenShard, ShardFormatName } from '../format/shard.ts';
import { viewShard } from '../format/view.ts';
import { storeOf } from '../store/index.ts';
import { checkSameFeatures } from './same-features.ts';

/** Files that are opened at the same time. */
const opensAtOnce = 8;

/** A file of a split, and what was found out about it when it was opened before. Plain data. */
export interface SplitFile {
  readonly url: string;
  /** Undefined: by its name. */
  readonly format?: ShardFormatName;
  /** The file's tag at that time; it must still be the same. Undefined: the file was not opened before. */
  readonly tag?: string;
  readonly index?: unknown;
  /** Views of its columns, in this order. */
  readonly views?: readonly ColumnView[];
}

/** @param like the first file, without its views */
async function openFile(file: SplitFile, like?: OpenShard): Promise<OpenShard> {
  return (file.views ?? []).reduce(viewShard, await openPlain(file, like));
}

async function openPlain({ url, format: name, tag, index }: SplitFile, like?: OpenShard): Promise<OpenShard> {
  if (name === 'images') return folderShard(url, index);
  const format = name === undefined ? formatOf(url) : formatNamed(name);
  const source = await storeOf(url).open(url);
  try {
    if (tag !== undefined && tag !== source.tag)
      throw new Error(`${url}: changed while it was in use; start again with the file as it is now`);
    return await format.open(source, like, index);
  } catch (error) {
    source.close();
    throw error;
  }
}

/** Opens the files of a split, in their order. @throws if one cannot be read, or has other columns than the first */
export async function openFiles(files: readonly SplitFile[]): Promise<OpenShard[]> {
  const [first, ...others] = files;
  if (first === undefined) return [];
  const like = await openFile(first);
  const opened: (OpenShard | undefined)[] = [like];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < others.length) {
      const k = next++;
      opened[k + 1] = await openFile(others[k] as SplitFile, like);
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
