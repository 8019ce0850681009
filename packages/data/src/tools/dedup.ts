/** Removes rows that repeat others, of the same dataset or of another one. */

import type { Value } from '../arrow/column.ts';
import type { Features } from '../arrow/features.ts';
import { type Dataset, openDataset } from '../dataset/dataset.ts';
import type { Split } from '../dataset/split.ts';
import { type ComparedRow, comparedCaption, DuplicateFinder, type DuplicateKind } from '../duplicates/finder.ts';
import { comparePicture } from '../duplicates/picture.ts';
import { DamagedRowsError, type Row } from '../format/shard.ts';
import { writeFileAtomic } from '../io/atomic.ts';
import { mapInOrder } from '../io/concurrency.ts';
import { resolveColumns, usualColumns } from '../loader/columns.ts';
import { writeFormatOf } from '../write/index.ts';
import { checkTarget } from '../write/output.ts';
import { type CopyOptions, type CopyReport, checkOptions, copySplits } from './copy.ts';
import { encodedImage } from './inspect/pictures.ts';
import { toolCacheBytes } from './progress.ts';
import { selectRows } from './selection.ts';

export interface DedupOptions extends CopyOptions {
  /** Default `image`. */
  readonly by?: DuplicateKind;
  /** The largest number of different bits, of 64, of similar pictures. Default 4. Null: only equal files are duplicates. */
  readonly distance?: number | null;
  /** For `key`: the column with the name of a row. Default: `__key__`, `key`, `id`, `url` or `path`. */
  readonly key?: string;
  /** A dataset whose rows must not occur, for instance a test set. */
  readonly against?: string;
  /** Whether rows that repeat others of the same dataset are removed. Default true. */
  readonly within?: boolean;
  /** The file that names the removed rows. Default: next to the target, with the ending `.duplicates.csv`. */
  readonly report?: string;
}

/** A place of a row. */
interface RowPlace {
  readonly source: string;
  readonly split: string;
  readonly row: number;
}

/** A row that was removed. */
interface RemovedRow {
  readonly split: string;
  /** Its number in the source. */
  readonly row: number;
  readonly reason: string;
  /** Different bits of similar pictures. */
  readonly distance: number | null;
  /** The row that is kept. */
  readonly of: RowPlace;
}

export interface DedupReport extends CopyReport {
  readonly removed: readonly RemovedRow[];
  /** Pictures that cannot be decoded, of which only equal files were found. */
  readonly undecodable: number;
  /** Where the removed rows are named. */
  readonly report: string;
}

const defaultDistance = 4;
/** Rows that are read and decoded at the same time. */
const rowsAtOnce = 8;
const keyNames = ['__key__', 'key', 'id', 'url', 'path'];

/** The columns that are compared. */
interface ComparedColumns {
  readonly image: string | null;
  readonly text: string | null;
}

/** @throws where a column that is needed is missing; the message lists the columns */
function comparedColumns(
  features: Features,
  by: DuplicateKind,
  key: string | undefined,
  title: string,
): ComparedColumns {
  if (by === 'key') {
    const found = key ?? keyNames.find((name) => features[name] !== undefined);
    const f = found === undefined ? undefined : features[found];
    if (found === undefined || f?.type !== 'value')
      throw new Error(
        `${title}: has no column ${key === undefined ? keyNames.join(', ') : `"${key}"`} with names of rows; choose one with --key; its columns are ${Object.keys(features).join(', ')}`,
      );
    return { image: null, text: found };
  }
  const { image, captions } = usualColumns;
  const requests = { ...(by !== 'caption' && { image }), ...(by !== 'image' && { captions }) };
  const found = resolveColumns(features, requests, title);
  return { image: found.image?.column ?? null, text: found.captions?.column ?? null };
}

function textOf(value: Value | undefined, by: DuplicateKind): string | null {
  if (value === null || value === undefined) return null;
  if (by === 'key') return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value);
  return comparedCaption(value);
}

async function compareRow(row: Row, { image, text }: ComparedColumns, by: DuplicateKind): Promise<ComparedRow> {
  const encoded = image === null ? null : encodedImage(row[image]);
  return {
    picture: encoded === null ? null : await comparePicture(encoded.bytes),
    text: text === null ? null : textOf(row[text], by),
  };
}

/** The rows of splits in order, with what is compared of them. */
async function* comparedRows(
  title: string,
  splits: readonly Split[],
  { by = 'image', key, skipDamaged, signal, onProgress }: DedupOptions,
  what: string,
): AsyncGenerator<{ place: RowPlace; at: number; compared: ComparedRow | null }> {
  const total = splits.reduce((sum, { length }) => sum + length, 0);
  let done = 0;
  for (const split of splits) {
    const columns = comparedColumns(split.features, by, key, title);
    const names = [columns.image, columns.text].filter((name) => name !== null);
    const read = async (at: number): Promise<{ at: number; compared: ComparedRow | null }> => {
      try {
        return { at, compared: await compareRow(await split.row(at, names), columns, by) };
      } catch (error) {
        if (skipDamaged !== true || !(error instanceof DamagedRowsError)) throw error;
        return { at, compared: null };
      }
    };
    for await (const { at, compared } of mapInOrder(Array(split.length).keys(), rowsAtOnce, read)) {
      signal?.throwIfAborted();
      yield { place: { source: title, split: split.name, row: split.selected?.at(at) ?? at }, at, compared };
      onProgress?.({ what, done: ++done, total });
      if (done % 64 === 0) await new Promise(setImmediate);
    }
  }
}

/** A field of CSV. */
const field = (value: string | number): string => {
  const text = String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

function reportText(path: string, removed: readonly RemovedRow[]): string {
  if (path.toLowerCase().endsWith('.json')) return `${JSON.stringify(removed, null, 1)}\n`;
  const lines = removed.map(({ split, row, reason, distance, of }) =>
    [split, row, reason, distance ?? '', of.source, of.split, of.row].map(field).join(','),
  );
  return `split,row,reason,different_bits,kept_in,kept_split,kept_row\n${lines.map((line) => `${line}\n`).join('')}`;
}

/** Adds the rows of the other dataset, which are never removed. @returns the number of pictures that cannot be decoded */
async function addOthers(
  against: string,
  options: DedupOptions,
  add: (compared: ComparedRow, place: RowPlace) => void,
): Promise<void> {
  using other: Dataset = await openDataset(against, { cacheBytes: toolCacheBytes });
  for await (const { place, compared } of comparedRows(
    against,
    Object.values(other.splits),
    options,
    'reading the rows to compare with',
  ))
    if (compared !== null) add(compared, place);
}

/**
 * Writes a dataset without the rows that repeat an earlier one, and a list of the rows that were removed. Of equal or similar rows the
 * first one stays, in the order of the splits and their rows; it is never one that was removed itself.
 *
 * @param location whatever `openDataset` opens
 * @throws as `copyDataset`
 */
export async function dedupDataset(location: string, target: string, options: DedupOptions = {}): Promise<DedupReport> {
  const { by = 'image', distance = defaultDistance, within = true, overwrite = false, against } = options;
  const report = options.report ?? `${target.replace(/\/+$/, '')}.duplicates.csv`;
  checkOptions(target, writeFormatOf(target, options.to), options);
  await checkTarget(target, overwrite);
  await checkTarget(report, overwrite);
  const finder = new DuplicateFinder(by, distance);
  const places: RowPlace[] = [];
  let undecodable = 0;
  const add = (compared: ComparedRow, place: RowPlace): void => {
    places[finder.add(compared)] = place;
  };
  using dataset = await openDataset(location, {
    cacheBytes: toolCacheBytes,
    ...(options.splits !== undefined && { splits: options.splits }),
  });
  const splits = await selectRows(dataset, options, options);
  for (const split of splits) comparedColumns(split.features, by, options.key, dataset.path);
  if (against !== undefined) await addOthers(against, options, add);
  const kept = new Map(splits.map((split): [Split, number[]] => [split, []]));
  const byName = new Map(splits.map((split) => [split.name, split]));
  const removed: RemovedRow[] = [];
  for await (const { place, at, compared } of comparedRows(dataset.path, splits, options, 'looking for duplicates')) {
    // Damaged rows are counted when they are copied.
    const match = compared === null ? null : finder.find(compared);
    if (compared?.picture !== undefined && compared.picture?.look === null) undecodable++;
    if (match !== null) {
      const { reason, distance: bits } = match;
      const of = places[match.number] as RowPlace;
      removed.push({ split: place.split, row: place.row, reason: reasonOf(by, reason), distance: bits, of });
      continue;
    }
    kept.get(byName.get(place.split) as Split)?.push(at);
    if (within && compared !== null) add(compared, place);
  }
  const selected = [...kept].map(([split, rows]) => split.select(rows));
  const copied = await copySplits(dataset, selected, target, options);
  await writeFileAtomic(report, [reportText(report, removed)]);
  return { ...copied, removed, undecodable, report };
}

function reasonOf(by: DuplicateKind, reason: 'same picture' | 'similar picture' | 'same text'): string {
  if (by === 'both') return `${reason}, same caption`;
  return reason === 'same text' ? `same ${by}` : reason;
}
