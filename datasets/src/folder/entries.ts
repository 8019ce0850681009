/** Listing of the images of a folder, with their captions, classes and splits. */
import fsp from 'node:fs/promises';
import path from 'node:path';
import { errorMessage } from '@tessera/data/io';
import type { LeftOut } from '../builder.ts';
import { unitHash } from '../hash.ts';
import { InputProblems } from '../problems.ts';
import { readTable, type TableRow, tableEndings } from '../table.ts';
import { type FolderItem, imagesBelow, isImageName, listFolder, subfolders } from './image-files.ts';

/** An image of the new dataset, with its captions, class and split. */
interface Entry {
  /** Relative to the source folder. */
  file: string;
  split: string;
  captions: string[];
  /** The name of its class; null for none. */
  label: string | null;
}

export interface EntryOptions {
  /** The file with the captions, relative to the folder. Default: the usual names. */
  captions?: string;
  /** The column with the names of the image files. Default: the usual names. */
  imageColumn?: string;
  /** The column with the captions. Default: the usual names. */
  captionColumn?: string;
  /** The encoding of the file with the captions, such as windows-1252. Default: UTF-8, or UTF-16 by its byte order mark. */
  encoding?: string;
  /** Fraction of the images in the split `test`, if the source has no splits. Default 0.1. */
  testShare?: number;
}

export interface FolderListing {
  entries: Entry[];
  leftOut: LeftOut[];
}

/** The accepted names of split folders and of values in a column `split`. */
const splitAliases: Record<string, string> = {
  train: 'train',
  training: 'train',
  test: 'test',
  testing: 'test',
  val: 'validation',
  valid: 'validation',
  validation: 'validation',
  dev: 'validation',
};

const tableNames = ['captions', 'metadata'].flatMap((name) => tableEndings.map((ending) => name + ending));
const usualColumns = {
  image: ['image', 'file_name', 'filename', 'file', 'path', 'image_path', 'filepath'],
  caption: ['caption', 'captions', 'text', 'title', 'description', 'sentence'],
} as const;

/** Lists the images of a folder: those in the caption file if there is one, otherwise those in class folders. */
export async function listEntries(folder: string, options: EntryOptions = {}): Promise<FolderListing> {
  const { entries, leftOut } = await findEntries(folder, options);
  entries.sort((a, b) => (a.file < b.file ? -1 : 1));
  if (entries.length === 0) throw new Error(`${folder}: contains no images`);
  if (!entries.some(({ split }) => split === 'train')) {
    throw new Error(`${folder}: all of its ${entries.length} images are in other splits than train`);
  }
  return { entries, leftOut };
}

async function findEntries(folder: string, options: EntryOptions): Promise<FolderListing> {
  const table = await findTable(folder, options.captions);
  if (table) return entriesOfTable(folder, table, options);
  const folders = await subfolders(folder);
  const splits = folders.flatMap((name) => {
    const split = splitAliases[name.toLowerCase()];
    return split === undefined ? [] : [{ name, split }];
  });
  if (splits.length === 0) return entriesOfClasses(folder, '', null, options);
  const others = folders.filter((name) => !(name.toLowerCase() in splitAliases));
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
  const kinds = new Set(entries.map(({ captions }) => captions.length > 0));
  if (kinds.size > 1) throw new Error(`${folder}: some of its splits have captions, others do not`);
  return { entries, leftOut: listings.flatMap(({ leftOut }) => leftOut) };
}

async function findTable(folder: string, named: string | undefined): Promise<string | null> {
  if (named !== undefined) return path.resolve(folder, named);
  const files = (await listFolder(folder)).filter(({ isFolder }) => !isFolder).map(({ name }) => name);
  const usual = tableNames.find((name) => files.includes(name));
  if (usual) return path.join(folder, usual);
  const tables = files.filter((name) => tableEndings.includes(path.extname(name).toLowerCase()));
  if (tables.length > 1)
    throw new Error(`${folder}: several files may contain the captions (${tables.join(', ')}); specify one of them`);
  return tables[0] ? path.join(folder, tables[0]) : null;
}

/** The images that a table lists. Rows of the same image are merged, and each adds a caption. */
async function entriesOfTable(
  folder: string,
  file: string,
  options: EntryOptions,
  within = '',
  fixedSplit: string | null = null,
): Promise<FolderListing> {
  const { columns, rows } = await readTable(file, options.encoding);
  const imageColumn = pickColumn(file, columns, 'image', options.imageColumn);
  const hasLabel = columns.includes('label');
  const captionColumn =
    hasLabel &&
    options.captionColumn === undefined &&
    !columns.some((name) => usualColumns.caption.some((usual) => usual === name.toLowerCase()))
      ? null
      : pickColumn(file, columns, 'caption', options.captionColumn);
  const problems: string[] = [];
  const entries = new Map<string, Entry>();
  const root = path.join(folder, within);
  const files = await findFiles(root, rows, imageColumn);
  const read = (values: Record<string, unknown>): Entry => {
    const image = values[imageColumn];
    if (typeof image !== 'string' || image === '') throw new Error(`the image's name ("${imageColumn}") is empty`);
    const file = files.get(image);
    if (file === undefined) throw new Error(`${image} does not exist`);
    return {
      file: path.isAbsolute(file) ? file : path.join(within, file),
      split: fixedSplit ?? splitOfRow(values, image, options.testShare),
      captions: captionColumn === null ? [] : captionsOfRow(values, captionColumn),
      label: hasLabel ? labelOfRow(values) : null,
    };
  };
  for (const { line, values } of rows) {
    try {
      const entry = read(values);
      const earlier = entries.get(entry.file);
      if (earlier) join(earlier, entry);
      else entries.set(entry.file, entry);
    } catch (error) {
      problems.push(`line ${line}: ${errorMessage(error)}`);
    }
  }
  if (problems.length > 0) throw new InputProblems(file, problems);
  const listed = new Set([...entries.keys()].map((name) => path.resolve(folder, name)));
  const { images } = await imagesBelow(root, '', isImageName);
  const leftOut = images
    .filter((name) => !listed.has(path.resolve(root, name)))
    .map((name) => ({ file: path.join(within, name), reason: `is not listed in ${path.basename(file)}` }));
  return { entries: [...entries.values()], leftOut };
}

/** Adds the captions of another row to its image. */
function join(earlier: Entry, { file, captions, label, split }: Entry): void {
  if (earlier.label !== label) throw new Error(`${file} has another label in an earlier line: ${earlier.label}`);
  if (earlier.split !== split) throw new Error(`${file} has another split in an earlier line: ${earlier.split}`);
  earlier.captions.push(...captions.filter((text) => !earlier.captions.includes(text)));
}

function captionsOfRow(values: Record<string, unknown>, column: string): string[] {
  const captions = [values[column] ?? []].flat();
  if (captions.some((caption) => typeof caption !== 'string'))
    throw new Error(`a caption ("${column}") is not a string`);
  const texts = captions.map((caption) => String(caption).trim());
  if (texts.length === 0 || texts.includes('')) throw new Error(`the caption ("${column}") is empty`);
  return texts;
}

function labelOfRow(values: Record<string, unknown>): string {
  const label = String(values.label ?? '').trim();
  if (label === '') throw new Error('the label is empty');
  return label;
}

function pickColumn(
  file: string,
  columns: string[],
  role: keyof typeof usualColumns,
  wanted: string | undefined,
): string {
  const found =
    wanted === undefined
      ? usualColumns[role].flatMap((name) => columns.find((column) => column.toLowerCase() === name) ?? []).at(0)
      : columns.find((name) => name === wanted);
  if (found !== undefined) return found;
  const expected = wanted ?? usualColumns[role].join(', ');
  throw new InputProblems(file, [
    `no column for the ${role}: expected ${expected}; its columns are ${columns.join(', ')}. Specify the column to use`,
  ]);
}

function splitOfRow(values: Record<string, unknown>, file: string, testShare: number | undefined): string {
  const named = values.split;
  if (named === undefined || named === null) return splitByHash(file, testShare);
  const split = splitAliases[String(named).trim().toLowerCase()];
  if (split) return split;
  throw new Error(`unknown split "${named}"; expected one of ${[...new Set(Object.values(splitAliases))].join(', ')}`);
}

/** A file is always in the same split, whatever else is in its folder. */
const splitByHash = (file: string, testShare = 0.1): string =>
  unitHash(`split/${file.split(path.sep).join('/')}`) < testShare ? 'test' : 'train';

/** The files that a table names, as paths that exist. Windows separates the parts of a path by backslashes. */
async function findFiles(folder: string, rows: TableRow[], column: string): Promise<Map<string, string>> {
  const names = new Set(
    rows.map(({ values }) => values[column]).filter((name): name is string => typeof name === 'string'),
  );
  const found = new Map<string, string>();
  for (const name of names) {
    for (const file of new Set([name, name.replaceAll('\\', '/')])) {
      const stat = await fsp.stat(path.resolve(folder, file)).catch(() => null);
      if (stat?.isFile()) {
        found.set(name, file);
        break;
      }
    }
  }
  return found;
}

/** The images of a folder whose sub-folders are classes. */
async function entriesOfClasses(
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
  const leftOut = items.filter((item) => !item.isFolder && !isImageName(item.name)).map(notInClass(within));
  for (const label of await subfolders(root)) {
    const { images, others } = await imagesBelow(root, label);
    if (images.length === 0) problems.push(`the class folder ${label} contains no images`);
    for (const name of images) {
      const file = path.join(within, name);
      entries.push({ file, split: split ?? splitByHash(file, options.testShare), captions: [], label });
    }
    leftOut.push(...others.map(({ file, reason }) => ({ file: path.join(within, file), reason })));
  }
  if (problems.length > 0) throw new InputProblems(root, problems);
  return { entries, leftOut };
}

const notInClass =
  (within: string) =>
  ({ name }: FolderItem): LeftOut => ({ file: path.join(within, name), reason: 'is not in a class folder' });
