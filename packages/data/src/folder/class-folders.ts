/** The images of a folder whose sub-folders are classes. */
import path from 'node:path';
import type { Entry, EntryOptions, FolderListing } from './entry.ts';
import { imagesBelow, isImageName, listFolder, subfolders } from './image-files.ts';
import { InputProblems } from './problems.ts';
import { splitByHash } from './splits.ts';
import { tableNames } from './table-entries.ts';

/**
 * The images of a folder whose sub-folders are classes.
 *
 * @param within the folder, relative to `folder`
 * @param split of all images; null: by a hash of the name
 */
export async function entriesOfClasses(
  folder: string,
  within: string,
  split: string | null,
  options: EntryOptions,
): Promise<FolderListing> {
  const root = path.join(folder, within);
  const problems: string[] = [];
  const items = await listFolder(root);
  const loose = items.filter((item) => !item.isFolder && isImageName(item.name));
  if (loose.length > 0) {
    problems.push(
      `${loose.length} images, such as ${loose[0]?.name}, are not in a class folder, and there is no file with captions (${tableNames.join(', ')})`,
    );
  }
  const entries: Entry[] = [];
  const leftOut = items
    .filter((item) => !item.isFolder && !isImageName(item.name))
    .map(({ name }) => ({ file: path.join(within, name), reason: 'is not in a class folder' }));
  for (const label of await subfolders(root)) {
    const { images, others } = await imagesBelow(root, label);
    if (images.length === 0) problems.push(`the class folder ${label} contains no images`);
    for (const name of images) {
      const file = path.join(within, name);
      entries.push({ file, split: split ?? splitByHash(file, options.testShare), captions: {}, label, others: {} });
    }
    leftOut.push(...others.map(({ file, reason }) => ({ file: path.join(within, file), reason })));
  }
  if (problems.length > 0) throw new InputProblems(root, problems);
  return { entries, table: null, leftOut };
}
