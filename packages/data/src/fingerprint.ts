/** Fingerprints of data sets: whether a run continues with the data that it began with. */
import { createHash, type Hash } from 'node:crypto';
import type { Value } from './arrow/column.ts';
import type { Dataset, Split } from './arrow/reader.ts';

/** What identifies the content of a split. Plain data, for JSON. */
export interface SplitFingerprint {
  readonly rows: number;
  /** SHA-256 of features, sizes of files and rows of record batches. */
  readonly layout: string;
  /** SHA-256 of rows: of all, or of a sample. */
  readonly content: string;
  /** The number of rows that `content` covers. */
  readonly hashedRows: number;
}

/** Rows of a split that are hashed if not all are. */
const sampledRows = 64;

/**
 * The fingerprint of each split.
 *
 * @param everyRow whether all rows are hashed, not a sample: then every change is noticed, at the cost of reading the whole data set
 */
export const fingerprintDataset = (dataset: Dataset, everyRow = false): Record<string, SplitFingerprint> =>
  Object.fromEntries(Object.entries(dataset.splits).map(([name, split]) => [name, fingerprintSplit(split, everyRow)]));

function fingerprintSplit(split: Split, everyRow: boolean): SplitFingerprint {
  const layout = createHash('sha256')
    .update(JSON.stringify([split.features, split.files]))
    .digest('hex');
  const count = everyRow ? split.length : Math.min(split.length, sampledRows);
  const content = createHash('sha256');
  // Evenly spread, with the first row and the last one.
  for (let k = 0; k < count; k++) {
    const row = count === split.length ? k : Math.round((k * (split.length - 1)) / (count - 1));
    for (const [name, value] of Object.entries(split.row(row))) {
      content.update(`${name}:`);
      hashValue(content, value);
    }
  }
  return { rows: split.length, layout, content: content.digest('hex'), hashedRows: count };
}

/** Adds a value to a hash, with its kind and length, so that different values never look the same. */
function hashValue(hash: Hash, value: Value | undefined): void {
  if (value instanceof Uint8Array) hash.update(`b${value.byteLength}:`).update(value);
  else if (Array.isArray(value)) {
    hash.update(`l${value.length}:`);
    for (const element of value) hashValue(hash, element);
  } else if (typeof value === 'object' && value !== null) {
    hash.update('s:');
    for (const [name, member] of Object.entries(value)) {
      hash.update(`${name}:`);
      hashValue(hash, member as Value);
    }
  } else hash.update(`${typeof value}:${String(value)};`);
}

/** How two fingerprints differ, a line for each split that does; empty where nothing that both cover differs. */
export function fingerprintChanges(
  before: Readonly<Record<string, SplitFingerprint>>,
  now: Readonly<Record<string, SplitFingerprint>>,
): string[] {
  return Object.entries(before).flatMap(([name, old]) => {
    const current = now[name];
    if (current === undefined) return [`split ${name}: is missing`];
    if (current.rows !== old.rows) return [`split ${name}: had ${old.rows} rows, has ${current.rows}`];
    if (current.layout !== old.layout) return [`split ${name}: its columns, or the sizes of its files, are different`];
    const differs = current.hashedRows === old.hashedRows && current.content !== old.content;
    return differs ? [`split ${name}: the content of its rows is different`] : [];
  });
}
