/** Opens the data set of a run, with its labels as classes where the task learns classes. */
import {
  type CaptionWeights,
  type ColumnMemory,
  captionProblems,
  type Dataset,
  openDataset,
  usualColumns,
  withCaptions,
  withClasses,
  withSplits,
} from '@tessera/data';
import { type EntryOptions, leftOutLines } from '@tessera/data/folder';
import { type CaptionColumns, captionWeights } from '../config/caption-columns.ts';

/** The usual names of the columns that tasks read as classes, by role. */
const classRoles: Readonly<Record<string, readonly string[]>> = {
  label: usualColumns.label.names,
  property: ['style'],
};

export interface OpenTaskData {
  /** Several columns with captions; see `data.captions`. */
  readonly captions?: CaptionColumns | undefined;
  /** Whether an image of a folder that cannot be decoded is an error. */
  readonly strict?: boolean;
  /** Is told which files of a folder of images are left out. */
  readonly say?: (message: string) => void;
  /** Keeps the columns that are read, for those who need them next. */
  readonly memory?: ColumnMemory | null;
  /** What distinguishes the data set from others with the same memory. */
  readonly memoryName?: string;
}

/** How the table of a folder of images is read: with the columns that the user named. */
function folderOptions(
  { image, captions, label }: Readonly<Record<string, string | null>>,
  weights: CaptionWeights | null,
): EntryOptions {
  return {
    keepNames: true,
    ...(weights !== null && { captionColumns: Object.keys(weights) }),
    ...(typeof image === 'string' && { imageColumn: image }),
    ...(typeof captions === 'string' && { captionColumn: captions }),
    ...(typeof label === 'string' && { labelColumn: label }),
  };
}

/**
 * Opens a data set for a task.
 *
 * @param location a folder, a pattern or an address; see `openDataset`
 * @param columns the names that the user gave to the columns of the task, by role
 */
export async function openTaskData(
  location: string,
  columns: Readonly<Record<string, string | null>>,
  { captions, strict = false, say, memory = null, memoryName }: OpenTaskData = {},
): Promise<Dataset> {
  const weights = captionWeights(captions);
  if (weights !== null && typeof columns.captions === 'string')
    throw new Error('data.captions and data.columns.captions both name columns: leave one of them out');
  let dataset = await openDataset(location, {
    folder: folderOptions(columns, weights),
    strict,
    memory,
    ...(memoryName !== undefined && { memoryName }),
  });
  try {
    if (weights !== null) dataset = joinCaptions(dataset, weights);
    for (const line of leftOutLines(dataset.leftOut)) say?.(line);
    for (const [role, names] of Object.entries(classRoles)) {
      const name = columns[role];
      if (name !== undefined) dataset = await withClasses(dataset, { name, names });
    }
  } catch (error) {
    dataset.close();
    throw error;
  }
  return dataset;
}

/** The data set with the texts of several columns as its column `captions`. @throws for columns that are missing; the message has all */
function joinCaptions(dataset: Dataset, weights: CaptionWeights): Dataset {
  const splits = Object.entries(dataset.splits);
  const problems = splits.flatMap(([, split]) => captionProblems(split, weights));
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return withSplits(dataset, Object.fromEntries(splits.map(([name, split]) => [name, withCaptions(split, weights)])));
}
