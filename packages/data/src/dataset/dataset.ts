/** Datasets, opened for reading: a folder or an address becomes splits. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { folderEndings } from '../format/index.ts';
import type { OpenShard } from '../format/shard.ts';
import { exists } from '../io/file-system.ts';
import { isAddress, storeOf } from '../store/index.ts';
import { isPattern } from '../store/pattern.ts';
import type { ClassColumns } from './classes.ts';
import { openFiles } from './files.ts';
import { labelsAsClasses } from './label-classes.ts';
import { type DatasetInfo, openSaved, readInfo, savedSplits } from './saved.ts';
import { Split, type SplitPlace } from './split.ts';
import { groupBySplit } from './split-names.ts';

/** A dataset: files of rows, by split. */
export interface Dataset {
  path: string;
  info: DatasetInfo;
  splits: Record<string, Split>;
  /** @throws for an unknown split; the message lists the splits. */
  split(name: string): Split;
  close(): void;
  [Symbol.dispose](): void;
}

export interface OpenOptions {
  /** Open only these splits. Default: all. */
  splits?: readonly string[];
  /** Bytes of blocks that each split keeps in memory. Default: 64 MiB for saved folders, otherwise 512 MiB. */
  cacheBytes?: number;
  /** Columns of texts or integers that are read as classes, with the values of the classes in order. */
  classes?: ClassColumns;
}

/** The splits of a dataset by name, each with what opens its files. */
interface SplitSource {
  readonly path: string;
  readonly splits: Readonly<Record<string, () => Promise<{ shards: OpenShard[]; info: DatasetInfo }>>>;
  readonly cacheBytes: number;
  readonly saved: boolean;
}

/** Saved folders are read row by row, other files in whole blocks. */
const [savedCacheBytes, filesCacheBytes] = [64 * 2 ** 20, 512 * 2 ** 20];

/**
 * Opens a dataset. Only headers, footers and indices are read here. It can be
 * - a folder that this package or `save_to_disk` of Hugging Face `datasets` wrote (a DatasetDict or a single Dataset);
 * - files of rows, which are Arrow, Parquet or tar (webdataset): a path, a pattern (`data/{000..331}.tar`, `data/*.parquet`), a folder
 *   that holds them, or an address that begins with `https://`, `s3://` or `hf://datasets/`. Their names tell their splits.
 *
 * @throws ArrowFileError for a missing, truncated or corrupt Arrow file; Error for any other problem. The message contains the path,
 *   what was expected and what to do.
 */
export async function openDataset(location: string, options: OpenOptions = {}): Promise<Dataset> {
  const { path: root, splits: sources, cacheBytes, saved } = await findSplits(location);
  const wanted = options.splits ?? Object.keys(sources);
  const splits: Record<string, Split> = {};
  const close = (): void => {
    for (const split of Object.values(splits)) split.close();
  };
  let info: DatasetInfo | null = null;
  try {
    for (const name of wanted) {
      const open = sources[name];
      if (open === undefined) throw new Error(noSuchSplit(root, name, Object.keys(sources)));
      const opened = await open();
      splits[name] = new Split(name, root, opened.shards, { cacheBytes, ...options, saved });
      info ??= opened.info;
    }
  } catch (error) {
    close();
    throw error;
  }
  return datasetOf(root, info ?? readInfo({}), splits);
}

function datasetOf(root: string, info: DatasetInfo, splits: Record<string, Split>): Dataset {
  const close = (): void => {
    for (const split of Object.values(splits)) split.close();
  };
  return {
    path: root,
    info,
    splits,
    split(name) {
      const split = splits[name];
      if (!split) throw new Error(noSuchSplit(root, name, Object.keys(splits)));
      return split;
    },
    close,
    [Symbol.dispose]: close,
  };
}

/**
 * The dataset with a column of texts or integers as class labels; see `labelsAsClasses`. It takes the place of `dataset`, whose files it
 * uses.
 */
export const withClasses = async (
  { path: root, info, splits }: Dataset,
  column: { readonly name: string | null; readonly names: readonly string[] },
): Promise<Dataset> => datasetOf(root, info, await labelsAsClasses(splits, column));

async function findSplits(location: string): Promise<SplitSource> {
  if (isAddress(location)) return filesSource(location, location);
  const root = path.resolve(location);
  const isFolder = (await stat(root).catch(() => null))?.isDirectory() ?? false;
  if (!isFolder && (isPattern(location) || (await exists(root)))) return filesSource(root, root);
  const saved = await savedSplits(root);
  if (saved !== null)
    return {
      path: root,
      splits: Object.fromEntries(Object.entries(saved).map(([name, folder]) => [name, () => openSaved(folder)])),
      cacheBytes: savedCacheBytes,
      saved: true,
    };
  const inside = `${root}/**/*{${folderEndings.join(',')}}`;
  if (
    isFolder &&
    (
      await storeOf(inside)
        .list(inside)
        .catch(() => [])
    ).length > 0
  )
    return filesSource(root, inside);
  throw new Error(
    (await exists(root))
      ? `${root}: is not a dataset: neither dataset_dict.json nor state.json is there, and no ${folderEndings.join(', ')} file. Expected what \`build-dataset\` or \`save_to_disk\` of Hugging Face \`datasets\` writes, Parquet files, or tar files in webdataset's layout; make one of a folder of images with \`npm run build-dataset\``
      : `${root}: there is no such directory. Build the dataset first`,
  );
}

/** Files by split. Nothing is opened yet. */
async function filesSource(title: string, pattern: string): Promise<SplitSource> {
  const groups = groupBySplit(await storeOf(pattern).list(pattern), title);
  return {
    path: title,
    splits: Object.fromEntries(
      Object.entries(groups).map(([name, urls]) => [
        name,
        async () => ({ shards: await openFiles(urls.map((url) => ({ url }))), info: readInfo({}) }),
      ]),
    ),
    cacheBytes: filesCacheBytes,
    saved: false,
  };
}

/**
 * Opens one split of a dataset again, with the files that it had: for workers.
 *
 * @param cacheBytes of blocks that are kept in memory
 * @returns the split with all its rows, which is to be closed, and with those that the place selects
 */
export async function reopenSplit(
  place: SplitPlace,
  cacheBytes = place.files === null ? savedCacheBytes : filesCacheBytes,
): Promise<{ readonly stored: Split; readonly split: Split }> {
  const { split: name, path: root, files, classes, selected } = place;
  const stored =
    files === null
      ? (await openDataset(root, { splits: [name], classes, cacheBytes })).split(name)
      : new Split(name, root, await openFiles(files), { cacheBytes, classes });
  return { stored, split: selected === null ? stored : stored.select(selected) };
}

const noSuchSplit = (root: string, name: string, names: string[]): string =>
  `${root}: no split "${name}"; its splits are ${names.join(', ') || '(none)'}`;
