/** Fingerprints of datasets, which show whether a resumed run has the data that it started with. */
import { createHash, type Hash } from 'node:crypto';
import type { Value } from './arrow/column.ts';
import type { Dataset } from './dataset/dataset.ts';
import type { Split } from './dataset/split.ts';

/** Identifies the content of a split. Plain data, for JSON. */
export interface SplitFingerprint {
  readonly rows: number;
  /** SHA-256 of the features, the sizes of the files, and the rows of their record batches. */
  readonly layout: string;
  /** SHA-256 of the rows, or of a sample of them. */
  readonly content: string;
  /** The number of rows that `content` covers. */
  readonly hashedRows: number;
}

/** The number of rows of a sample. */
const sampledRows = 64;

/**
 * The fingerprint of each split.
 *
 * @param everyRow whether to hash all rows instead of a sample: this detects every change, but reads the whole dataset
 */
export async function fingerprintDataset(
  dataset: Dataset,
  everyRow = false,
): Promise<Record<string, SplitFingerprint>> {
  const found: Record<string, SplitFingerprint> = {};
  for (const [name, split] of Object.entries(dataset.splits)) found[name] = await fingerprintSplit(split, everyRow);
  return found;
}

async function fingerprintSplit(split: Split, everyRow: boolean): Promise<SplitFingerprint> {
  const layout = createHash('sha256')
    .update(JSON.stringify([split.features, split.files]))
    .digest('hex');
  const rows = everyRow ? Array.from({ length: split.length }, (_, row) => row) : split.sample(sampledRows);
  const content = createHash('sha256');
  for (const row of rows) {
    for (const [name, value] of Object.entries(await split.row(row))) {
      content.update(`${name}:`);
      hashValue(content, value);
    }
  }
  return { rows: split.length, layout, content: content.digest('hex'), hashedRows: rows.length };
}

/** Adds a value to a hash, with its kind and length, so that different values never have the same encoding. */
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

/** The differences between two fingerprints, a line for each split that differs. Contents are compared only if both hashed the same rows. */
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
