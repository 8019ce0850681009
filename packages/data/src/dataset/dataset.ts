/** Datasets, opened for reading: a folder or an address becomes splits. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { declaredFeatures } from '../arrow/features.ts';
import type { EntryOptions } from '../folder/entry.ts';
import { hasImages } from '../folder/image-files.ts';
import type { LeftOut } from '../folder/left-out.ts';
import { openFolder } from '../folder/open-folder.ts';
import { folderEndings } from '../format/index.ts';
import type { OpenShard } from '../format/shard.ts';
import { exists } from '../io/file-system.ts';
import { isAddress, storeOf } from '../store/index.ts';
import { isPattern } from '../store/pattern.ts';
import type { ClassColumns } from './classes.ts';
import type { ColumnMemory } from './column-memory.ts';
import { openFiles } from './files.ts';
import { labelsAsClasses } from './label-classes.ts';
import { RowSelection } from './row-selection.ts';
import { type DatasetInfo, openSaved, readDescription, readInfo, savedSplits } from './saved.ts';
import { Split, type SplitPlace } from './split.ts';
import { groupBySplit } from './split-names.ts';

/** A dataset: files of rows, by split. */
export interface Dataset {
  path: string;
  info: DatasetInfo;
  splits: Record<string, Split>;
  /** The files of a folder of images that are not used, with the reasons: those that cannot be decoded first. */
  leftOut: readonly LeftOut[];
  /** @throws for an unknown split; the message lists the splits. */
  split(name: string): Split;
  close(): void;
  [Symbol.dispose](): void;
}

export interface OpenOptions {
  /** Open only these splits. Default: all. */
  splits?: readonly string[];
  /** Bytes of blocks that each split keeps in memory. Default: 64 MiB where single rows are read, otherwise 512 MiB. */
  cacheBytes?: number;
  /** Columns of texts or integers that are read as classes, with the values of the classes in order. */
  classes?: ClassColumns;
  /** Where columns are kept that are read as a whole, so that they are read once; null: they are not kept. Default: null. */
  memory?: ColumnMemory | null;
  /** What distinguishes this dataset from others with the same memory. Default: it is the only one. */
  memoryName?: string;
  /** How a folder of images is read. */
  folder?: EntryOptions;
  /** Whether an image of a folder that is found not to be decodable is an error. Default false: it is left out. */
  strict?: boolean;
}

/** The splits of a dataset by name, each with what opens its files. */
interface SplitSource {
  readonly path: string;
  readonly splits: Readonly<Record<string, () => Promise<{ shards: OpenShard[]; info: DatasetInfo }>>>;
  /** Whether single rows are read, as of saved folders, not whole blocks. */
  readonly saved: boolean;
  readonly leftOut?: readonly LeftOut[];
}

/**
 * Opens a dataset. Only headers, footers and indices are read here. It can be
 * - a folder that this package or `save_to_disk` of Hugging Face `datasets` wrote (a DatasetDict or a single Dataset);
 * - a folder of images with a table of captions, or with a subfolder for each class; see `listFolderRows`;
 * - files of rows, which are Arrow, Parquet or tar (webdataset): a path, a pattern (`data/{000..331}.tar`, `data/*.parquet`), a folder
 *   that holds them, or an address that begins with `https://`, `s3://` or `hf://datasets/`. Their names tell their splits.
 *
 * @throws ArrowFileError for a missing, truncated or corrupt Arrow file; Error for any other problem. The message contains the path,
 *   what was expected and what to do.
 */
export async function openDataset(location: string, options: OpenOptions = {}): Promise<Dataset> {
  const { path: root, splits: sources, saved, leftOut = [] } = await findSplits(location, options);
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
      splits[name] = new Split(name, root, opened.shards, {
        ...options,
        saved,
        ...(options.memoryName !== undefined && { memoryKey: `${options.memoryName}\0${name}` }),
      });
      info ??= opened.info;
    }
  } catch (error) {
    close();
    throw error;
  }
  return datasetOf(root, info ?? readInfo({}), splits, leftOut);
}

function datasetOf(
  root: string,
  info: DatasetInfo,
  splits: Record<string, Split>,
  leftOut: readonly LeftOut[],
): Dataset {
  const close = (): void => {
    for (const split of Object.values(splits)) split.close();
  };
  return {
    path: root,
    info,
    splits,
    leftOut,
    split(name) {
      const split = splits[name];
      if (!split) throw new Error(noSuchSplit(root, name, Object.keys(splits)));
      return split;
    },
    close,
    [Symbol.dispose]: close,
  };
}

/** The dataset with these splits in place of its own, whose files they use. */
export const withSplits = ({ path: root, info, leftOut }: Dataset, splits: Readonly<Record<string, Split>>): Dataset =>
  datasetOf(root, info, { ...splits }, leftOut);

/**
 * The dataset with a column of texts or integers as class labels; see `labelsAsClasses`. It takes the place of `dataset`, whose files it
 * uses.
 */
export const withClasses = async (
  dataset: Dataset,
  column: { readonly name: string | null; readonly names: readonly string[] },
): Promise<Dataset> => withSplits(dataset, await labelsAsClasses(dataset.splits, column));

/** The pattern of the files of rows in a folder. */
const filesIn = (folder: string): string => `${folder}/**/*{${folderEndings.join(',')}}`;

const hasFiles = async (folder: string): Promise<boolean> => {
  const pattern = filesIn(folder);
  return storeOf(pattern)
    .list(pattern)
    .then(
      () => true,
      () => false,
    );
};

/** Whether a folder has rows that need not be made of images: it was saved as a dataset, or has Parquet or tar files. */
export const isRowFolder = async (folder: string): Promise<boolean> =>
  (await savedSplits(path.resolve(folder))) !== null || hasFiles(path.resolve(folder));

async function findSplits(location: string, options: OpenOptions): Promise<SplitSource> {
  if (isAddress(location)) return filesSource(location, location);
  const root = path.resolve(location);
  const isFolder = (await stat(root).catch(() => null))?.isDirectory() ?? false;
  if (!isFolder && (isPattern(location) || (await exists(root)))) return filesSource(root, root);
  const saved = await savedSplits(root);
  if (saved !== null)
    return {
      path: root,
      splits: Object.fromEntries(Object.entries(saved).map(([name, folder]) => [name, () => openSaved(folder)])),
      saved: true,
    };
  if (isFolder && (await hasFiles(root))) return filesSource(root, filesIn(root), await readDescription(root));
  if (isFolder && (await hasImages(root))) return imagesSource(root, options);
  throw new Error(
    (await exists(root))
      ? `${root}: is not a dataset: neither dataset_dict.json nor state.json is there, no ${folderEndings.join(', ')} file, and no images. Expected what \`build-dataset\` or \`save_to_disk\` of Hugging Face \`datasets\` writes, Parquet files, tar files in webdataset's layout, or images with a table of captions or in one folder for each class`
      : `${root}: there is no such directory. Build the dataset first`,
  );
}

/** The splits of a folder of images. */
async function imagesSource(root: string, { folder = {}, strict = false }: OpenOptions): Promise<SplitSource> {
  const { splits, leftOut } = await openFolder(root, folder, strict);
  const info = readInfo({ description: `Images from ${path.basename(root)}` });
  return {
    path: root,
    splits: Object.fromEntries(
      Object.entries(splits).map(([name, shard]) => [name, async () => ({ shards: [shard], info })]),
    ),
    saved: true,
    leftOut,
  };
}

/**
 * Files by split. Nothing is opened yet.
 *
 * @param description what dataset_info.json says about them, if it is there
 */
async function filesSource(
  title: string,
  pattern: string,
  description: Readonly<Record<string, unknown>> = {},
): Promise<SplitSource> {
  const groups = groupBySplit(await storeOf(pattern).list(pattern), title);
  return {
    path: title,
    splits: Object.fromEntries(
      Object.entries(groups).map(([name, urls]) => [
        name,
        async () => ({
          shards: (await openFiles(urls.map((url) => ({ url })))).map((shard) =>
            describedBy(shard, description.features),
          ),
          info: readInfo(description),
        }),
      ]),
    ),
    saved: false,
  };
}

/** A file whose columns are what `declared` says, where it fits: tar files do not tell the names of classes. */
const describedBy = (shard: OpenShard, declared: unknown): OpenShard =>
  declared === undefined ? shard : { ...shard, features: declaredFeatures(shard.features, undefined, declared) };

/**
 * Opens one split of a dataset again, with the files that it had: for workers.
 *
 * @param cacheBytes of blocks that are kept in memory; see `OpenOptions`
 * @returns the split with all its rows, which is to be closed, and with those that the place selects
 */
export async function reopenSplit(
  place: SplitPlace,
  cacheBytes?: number,
): Promise<{ readonly stored: Split; readonly split: Split }> {
  const { split: name, path: root, files, saved, classes, selected } = place;
  const stored = new Split(name, root, await openFiles(files), { saved, classes, cacheBytes });
  return { stored, split: selected === null ? stored : stored.selectStored(new RowSelection(selected)) };
}

const noSuchSplit = (root: string, name: string, names: string[]): string =>
  `${root}: no split "${name}"; its splits are ${names.join(', ') || '(none)'}`;
