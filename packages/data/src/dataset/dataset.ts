/** Datasets, opened for reading: a folder or an address becomes splits. */
import path from 'node:path';
import type { OpenShard } from '../format/shard.ts';
import { exists } from '../io/file-system.ts';
import type { ClassColumns } from './classes.ts';
import { type DatasetInfo, openSaved, readInfo, savedSplits } from './saved.ts';
import { Split } from './split.ts';

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
  /** Bytes of blocks that each split keeps in memory. Default: 64 MiB. */
  cacheBytes?: number;
  /** Columns of texts or integers that are read as classes, with the values of the classes in order. */
  classes?: ClassColumns;
}

/** The splits of a dataset by name, each with what opens its files. */
interface SplitSource {
  readonly path: string;
  readonly splits: Readonly<Record<string, () => Promise<{ shards: OpenShard[]; info: DatasetInfo }>>>;
}

/**
 * Opens a dataset directory that was written by this package or by `save_to_disk` of Hugging Face `datasets` (a DatasetDict or a
 * single Dataset). Only headers are read here.
 *
 * @throws ArrowFileError for a missing, truncated or corrupt Arrow file; Error for any other problem. The message contains the path,
 *   what was expected and what to do.
 */
export async function openDataset(directory: string, options: OpenOptions = {}): Promise<Dataset> {
  const { path: root, splits: sources } = await findSplits(directory);
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
      splits[name] = new Split(name, root, opened.shards, options);
      info ??= opened.info;
    }
  } catch (error) {
    close();
    throw error;
  }
  return {
    path: root,
    info: info ?? readInfo({}),
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

async function findSplits(directory: string): Promise<SplitSource> {
  const root = path.resolve(directory);
  const saved = await savedSplits(root);
  if (saved !== null)
    return {
      path: root,
      splits: Object.fromEntries(Object.entries(saved).map(([name, folder]) => [name, () => openSaved(folder)])),
    };
  throw new Error(
    (await exists(root))
      ? `${root}: is not a dataset: neither dataset_dict.json nor state.json is there. Expected what \`build-dataset\` or \`save_to_disk\` of Hugging Face \`datasets\` writes`
      : `${root}: there is no such directory. Build the dataset first`,
  );
}

const noSuchSplit = (root: string, name: string, names: string[]): string =>
  `${root}: no split "${name}"; its splits are ${names.join(', ') || '(none)'}`;
