/** Opens the data set of a run, with its labels as classes where the task learns classes. */
import { type ColumnMemory, type Dataset, openDataset, usualColumns, withClasses } from '@tessera/data';

/** The usual names of the columns that tasks read as classes, by role. */
const classRoles: Readonly<Record<string, readonly string[]>> = {
  label: usualColumns.label.names,
  property: ['style'],
};

/**
 * Opens a data set for a task.
 *
 * @param location a folder, a pattern or an address; see `openDataset`
 * @param columns the names that the user gave to the columns of the task, by role
 * @param memory keeps the columns that are read, for those who need them next
 */
export async function openTaskData(
  location: string,
  columns: Readonly<Record<string, string | null>>,
  memory: ColumnMemory | null = null,
): Promise<Dataset> {
  let dataset = await openDataset(location, { memory });
  try {
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
