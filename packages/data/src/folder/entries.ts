/** Listing of the images of a folder, with their captions, classes and splits. */
import path from 'node:path';
import { splitOfWord } from '../dataset/split-names.ts';
import { entriesOfClasses } from './class-folders.ts';
import type { EntryOptions, FolderListing } from './entry.ts';
import { subfolders } from './image-files.ts';
import { entriesOfTable, findTable } from './table-entries.ts';

/**
 * Lists the images of a folder, in the order of their names: those in the caption file if there is one, otherwise those in class folders.
 *
 * @throws InputProblems for a table that cannot be used; Error for a folder without images, and for one without a split `train`
 */
export async function listEntries(folder: string, options: EntryOptions = {}): Promise<FolderListing> {
  const listing = await findEntries(folder, options);
  const { entries } = listing;
  entries.sort((a, b) => (a.file < b.file ? -1 : 1));
  if (entries.length === 0) throw new Error(`${folder}: contains no images`);
  if (!entries.some(({ split }) => split === 'train')) {
    throw new Error(`${folder}: all of its ${entries.length} images are in other splits than train`);
  }
  return listing;
}

async function findEntries(folder: string, options: EntryOptions): Promise<FolderListing> {
  const table = await findTable(folder, options.captions);
  if (table) return entriesOfTable(folder, table, options);
  const folders = await subfolders(folder);
  const splits = folders.flatMap((name) => {
    const split = splitOfWord(name);
    return split === null ? [] : [{ name, split }];
  });
  if (splits.length === 0) return entriesOfClasses(folder, '', null, options);
  const others = folders.filter((name) => splitOfWord(name) === null);
  if (others.length > 0) {
    const names = splits.map(({ name }) => name).join(', ');
    throw new Error(`${folder}: contains folders of splits (${names}) and other folders (${others.join(', ')})`);
  }
  const parts = splits.map(async ({ name, split }) => {
    const inner = await findTable(path.join(folder, name), undefined);
    return inner ? entriesOfTable(folder, inner, options, name, split) : entriesOfClasses(folder, name, split, options);
  });
  const listings = await Promise.all(parts);
  const entries = listings.flatMap((listing) => listing.entries);
  const kinds = new Set(entries.map(({ captions }) => Object.keys(captions).length > 0));
  if (kinds.size > 1) throw new Error(`${folder}: some of its splits have captions, others do not`);
  return {
    entries,
    table: listings.find(({ table }) => table === 'text')?.table ?? listings.find(({ table }) => table)?.table ?? null,
    leftOut: listings.flatMap(({ leftOut }) => leftOut),
  };
}
