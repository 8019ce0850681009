/** The rows of a folder of images: what `build-dataset` writes, and what is read from the folder itself. */
import path from 'node:path';
import type { Value } from '../arrow/column.ts';
import { type Features, feature } from '../arrow/features.ts';
import { jsonFeature } from '../format/json-feature.ts';
import { cleanCaption } from '../tokenizer/clean.ts';
import { listEntries } from './entries.ts';
import type { Entry, EntryOptions } from './entry.ts';
import type { LeftOut } from './left-out.ts';

/** An image of a folder, which is a row. */
export interface FolderRow {
  /** The image, relative to the folder. */
  readonly file: string;
  readonly split: string;
  /** All columns but the image. */
  readonly values: Readonly<Record<string, Value>>;
}

export interface FolderRows {
  /** The name of the column with the images. */
  readonly image: string;
  readonly features: Features;
  /** In the order of the files' names. */
  readonly rows: readonly FolderRow[];
  /** Whether the images have captions or only classes. */
  readonly kind: 'captions' | 'classes';
  /** The names of the classes in the order of their numbers; empty without classes. */
  readonly classes: readonly string[];
  readonly leftOut: LeftOut[];
}

/**
 * The rows of a folder of images. No image is read.
 *
 * - With a table: a CSV, TSV or JSONL file (`captions.*`, `metadata.*`, or the only such file) lists the images with their captions. An
 *   image can have several captions: in several rows, or in JSONL as a list. A column `label` defines classes, a column `split` splits;
 *   the other columns stay columns.
 * - With classes: each sub-folder is a class and contains its images.
 * - With splits: either form inside of folders named `train`, `test` and `validation`. Otherwise a tenth of the images goes to the split
 *   `test`, chosen by a hash of the file name.
 *
 * Images with the same captions have the same number in the column `concept`.
 *
 * @throws InputProblems if the input is inconsistent; the message lists all problems with line numbers
 */
export async function listFolderRows(folder: string, options: EntryOptions = {}): Promise<FolderRows> {
  const { entries, table: kind, leftOut } = await listEntries(folder, options);
  const classes = [...new Set(entries.map(({ label }) => label).filter((label) => label !== null))].sort();
  const classNumbers = new Map(classes.map((name, k) => [name, k]));
  const captions = [...new Set(entries.flatMap((entry) => Object.keys(entry.captions)))];
  const keepsNames = options.keepNames === true && kind !== null;
  const image = (keepsNames ? options.imageColumn : undefined) ?? 'image';
  const kept = keepsNames ? (options.captionColumns ?? [options.captionColumn]) : [];
  const nameOf = (column: string): string => (kept.includes(column) ? column : 'captions');
  const own: Features = {
    [image]: feature.image(),
    ...Object.fromEntries(captions.map((column) => [nameOf(column), feature.list(feature.value('string'))])),
    ...(captions.length > 0 && { concept: feature.value('int32') }),
    ...(classes.length > 0 && { label: feature.classLabel(classes) }),
  };
  const others = otherColumns(entries, kind === 'text', Object.keys(own));
  const conceptOf = numberer();
  const rows = entries.map((entry, row): FolderRow => {
    const texts = Object.entries(entry.captions);
    return {
      file: entry.file,
      split: entry.split,
      values: {
        ...Object.fromEntries(texts.map(([column, all]) => [nameOf(column), all])),
        ...(captions.length > 0 && {
          concept: conceptOf(texts.flatMap(([, all]) => all.map(cleanCaption)).join('\n')),
        }),
        ...(classes.length > 0 && { label: classNumbers.get(entry.label ?? '') ?? null }),
        ...Object.fromEntries(others.found.map(({ name, values }) => [name, values[row] ?? null])),
      },
    };
  });
  const table = path.basename(options.captions ?? 'its table');
  return {
    image,
    features: { ...own, ...Object.fromEntries(others.found.map(({ name, feature: f }) => [name, f])) },
    rows,
    kind: captions.length > 0 ? 'captions' : 'classes',
    classes,
    leftOut: [...leftOut, ...others.refused.map((reason) => ({ file: table, reason }))],
  };
}

/** A number as CSV files have it. Digits that begin with a zero are a name. */
const isNumber = (text: string): boolean => /^[+-]?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/i.test(text);

interface OtherColumns {
  readonly found: readonly { name: string; feature: Features[string]; values: readonly Value[] }[];
  /** Why columns are not read. */
  readonly refused: readonly string[];
}

/** The other columns of the table, with the type that fits all values. */
function otherColumns(entries: readonly Entry[], isText: boolean, taken: readonly string[]): OtherColumns {
  const found: { name: string; feature: Features[string]; values: Value[] }[] = [];
  const refused: string[] = [];
  for (const name of new Set(entries.flatMap(({ others }) => Object.keys(others)))) {
    if (taken.includes(name)) {
      refused.push(`the column "${name}" is not read: its name is that of a column of the dataset`);
      continue;
    }
    const raw = entries.map(({ others }) => others[name] ?? null);
    const texts = raw.filter((value) => value !== null);
    const isNumeric = isText && texts.every((text) => typeof text === 'string' && isNumber(text));
    const values = isNumeric ? raw.map((text) => (text === null ? null : Number(text))) : raw;
    const type = jsonFeature(values.filter((value) => value !== null));
    if (type.type === 'other')
      refused.push(
        `the column "${name}" is not read: ${texts.length === 0 ? 'it is empty' : 'its values are of different types'}`,
      );
    else found.push({ name, feature: type, values: values as Value[] });
  }
  return { found, refused };
}

/** Returns a function that numbers texts: equal texts have equal numbers. */
function numberer(): (text: string) => number {
  const numbers = new Map<string, number>();
  return (text) => {
    const number = numbers.get(text) ?? numbers.size;
    numbers.set(text, number);
    return number;
  };
}
