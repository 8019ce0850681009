/** Opens the data set of a run, with its labels as classes where the task learns classes. */
import { type Dataset, openDataset, usualColumns, withClasses } from '@tessera/data';
import { type EntryOptions, leftOutLines } from '@tessera/data/folder';

/** The usual names of the columns that tasks read as classes, by role. */
const classRoles: Readonly<Record<string, readonly string[]>> = {
  label: usualColumns.label.names,
  property: ['style'],
};

export interface OpenTaskData {
  /** Whether an image of a folder that cannot be decoded is an error. */
  readonly strict?: boolean;
  /** Is told which files of a folder of images are left out. */
  readonly say?: (message: string) => void;
}

/** How the table of a folder of images is read: with the columns that the user named. */
function folderOptions({ image, captions, label }: Readonly<Record<string, string | null>>): EntryOptions {
  return {
    keepNames: true,
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
  { strict = false, say }: OpenTaskData = {},
): Promise<Dataset> {
  let dataset = await openDataset(location, { folder: folderOptions(columns), strict });
  try {
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
