/** The images that a table (CSV, TSV, JSONL) in a folder lists. */
import fsp from 'node:fs/promises';
import path from 'node:path';
import { errorMessage } from '../io/file-system.ts';
import type { Entry, EntryOptions, FolderListing } from './entry.ts';
import { imagesBelow, isImageName, listFolder } from './image-files.ts';
import { InputProblems } from './problems.ts';
import { splitOfRow } from './splits.ts';
import { isTableName, readTable, type TableRow, tableEndings } from './table.ts';

/** The usual names of tables. */
export const tableNames = ['captions', 'metadata'].flatMap((name) => tableEndings.map((ending) => name + ending));

const usualColumns = {
  image: ['image', 'file_name', 'filename', 'file', 'path', 'image_path', 'filepath'],
  caption: ['caption', 'captions', 'text', 'title', 'description', 'sentence'],
} as const;

/** The names of these columns in the dataset. */
const datasetColumns = { image: 'image', caption: 'captions' } as const;

/** The table of a folder; null if there is none. @throws where several files may be it */
export async function findTable(folder: string, named: string | undefined): Promise<string | null> {
  if (named !== undefined) return path.resolve(folder, named);
  const files = (await listFolder(folder)).filter(({ isFolder }) => !isFolder).map(({ name }) => name);
  const usual = tableNames.find((name) => files.includes(name));
  if (usual) return path.join(folder, usual);
  const tables = files.filter(isTableName);
  if (tables.length > 1)
    throw new Error(`${folder}: several files may contain the captions (${tables.join(', ')}); specify one of them`);
  return tables[0] ? path.join(folder, tables[0]) : null;
}

/** What the columns of a table are for. */
interface TableColumns {
  readonly image: string;
  readonly captions: readonly string[];
  readonly hasLabel: boolean;
  readonly others: readonly string[];
}

/**
 * The images that a table lists. Rows of the same image are merged, and each adds a caption.
 *
 * @param within the table's folder, relative to `folder`
 * @param fixedSplit the split of all images; null: by the column `split`, or a hash of the name
 */
export async function entriesOfTable(
  folder: string,
  file: string,
  options: EntryOptions,
  within = '',
  fixedSplit: string | null = null,
): Promise<FolderListing> {
  const table = await readTable(file, options.encoding);
  const columns = findColumns(file, table.columns, options);
  const root = path.join(folder, within);
  const files = await findFiles(root, table.rows, columns.image);
  const read = (values: Record<string, unknown>): Entry => {
    const image = values[columns.image];
    if (typeof image !== 'string' || image === '') throw new Error(`the image's name ("${columns.image}") is empty`);
    const found = files.get(image);
    if (found === undefined) throw new Error(`${image} does not exist`);
    return {
      file: path.isAbsolute(found) ? found : path.join(within, found),
      split: fixedSplit ?? splitOfRow(values, image, options.testShare),
      captions: captionsOfRow(values, columns.captions),
      label: columns.hasLabel ? labelOfRow(values) : null,
      others: Object.fromEntries(columns.others.map((name) => [name, fieldValue(values[name])])),
    };
  };
  const problems: string[] = [];
  const entries = new Map<string, Entry>();
  const varying = new Map<string, string>();
  for (const { line, values } of table.rows) {
    try {
      const entry = read(values);
      const earlier = entries.get(entry.file);
      if (earlier === undefined) entries.set(entry.file, entry);
      else for (const column of join(earlier, entry)) varying.set(column, varying.get(column) ?? entry.file);
    } catch (error) {
      problems.push(`line ${line}: ${errorMessage(error)}`);
    }
  }
  if (problems.length > 0) throw new InputProblems(file, problems);
  const listed = new Set([...entries.keys()].map((name) => path.resolve(folder, name)));
  const { images } = await imagesBelow(root, '', isImageName);
  return {
    entries: [...entries.values()].map((entry) => without(entry, varying)),
    table: table.kind,
    leftOut: [
      ...images
        .filter((name) => !listed.has(path.resolve(root, name)))
        .map((name) => ({ file: path.join(within, name), reason: `is not listed in ${path.basename(file)}` })),
      ...[...varying].map(([column, image]) => ({
        file: path.join(within, path.basename(file)),
        reason: `the column "${column}" is not read: it has different values in the rows of one image, ${image}`,
      })),
    ],
  };
}

const without = (entry: Entry, columns: ReadonlyMap<string, unknown>): Entry =>
  columns.size === 0
    ? entry
    : { ...entry, others: Object.fromEntries(Object.entries(entry.others).filter(([name]) => !columns.has(name))) };

/** Adds the captions of another row to its image. @returns the other columns in which the two rows differ */
function join(earlier: Entry, { file, captions, label, split, others }: Entry): string[] {
  if (earlier.label !== label) throw new Error(`${file} has another label in an earlier line: ${earlier.label}`);
  if (earlier.split !== split) throw new Error(`${file} has another split in an earlier line: ${earlier.split}`);
  for (const [column, texts] of Object.entries(captions)) {
    const own = earlier.captions[column] as string[];
    own.push(...texts.filter((text) => !own.includes(text)));
  }
  return Object.keys(others).filter((name) => JSON.stringify(others[name]) !== JSON.stringify(earlier.others[name]));
}

/** A field of a table; an empty one is missing. */
const fieldValue = (value: unknown): unknown => (value === '' ? null : (value ?? null));

/** The captions of each column. Where there are several columns, some of them may be empty. */
function captionsOfRow(
  values: Readonly<Record<string, unknown>>,
  columns: readonly string[],
): Record<string, string[]> {
  const read = (column: string): [string, string[]] => {
    const captions = [values[column] ?? []].flat();
    if (captions.some((caption) => typeof caption !== 'string'))
      throw new Error(`a caption ("${column}") is not a string`);
    const texts = captions.map((caption) => String(caption).trim());
    if (columns.length > 1) return [column, texts.filter((text) => text !== '')];
    if (texts.length === 0 || texts.includes('')) throw new Error(`the caption ("${column}") is empty`);
    return [column, texts];
  };
  return Object.fromEntries(columns.map(read));
}

function labelOfRow(values: Record<string, unknown>): string {
  const label = String(values.label ?? '').trim();
  if (label === '') throw new Error('the label is empty');
  return label;
}

function findColumns(file: string, columns: readonly string[], options: EntryOptions): TableColumns {
  const image = pickColumn(file, columns, 'image', options.imageColumn, options.keepNames);
  const hasLabel = columns.includes('label');
  const isLabeled = columns.includes(options.labelColumn ?? 'label');
  const captions = captionColumns(file, columns, isLabeled, options);
  const used = new Set([image, ...captions, 'label', 'split']);
  return { image, captions, hasLabel, others: columns.filter((name) => !used.has(name)) };
}

function captionColumns(
  file: string,
  columns: readonly string[],
  isLabeled: boolean,
  { captionColumn, captionColumns: several, keepNames }: EntryOptions,
): string[] {
  if (several !== undefined) return several.map((name) => pickColumn(file, columns, 'caption', name, keepNames));
  const isUsual = (name: string): boolean => usualColumns.caption.some((usual) => usual === name.toLowerCase());
  if (isLabeled && captionColumn === undefined && !columns.some(isUsual)) return [];
  return [pickColumn(file, columns, 'caption', captionColumn, keepNames)];
}

function pickColumn(
  file: string,
  columns: readonly string[],
  role: keyof typeof usualColumns,
  wanted: string | undefined,
  keepNames = false,
): string {
  // The name that the column has in the dataset, whatever its name in the table is.
  const isOwnName = keepNames && wanted === datasetColumns[role] && !columns.includes(wanted);
  const found =
    wanted === undefined || isOwnName
      ? usualColumns[role].flatMap((name) => columns.find((column) => column.toLowerCase() === name) ?? []).at(0)
      : columns.find((name) => name === wanted);
  if (found !== undefined) return found;
  const expected = wanted ?? usualColumns[role].join(', ');
  throw new InputProblems(file, [
    `no column for the ${role}: expected ${expected}; its columns are ${columns.join(', ')}. Specify the column to use`,
  ]);
}

/** The files that a table names, as paths that exist. Windows separates the parts of a path by backslashes. */
async function findFiles(folder: string, rows: readonly TableRow[], column: string): Promise<Map<string, string>> {
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
