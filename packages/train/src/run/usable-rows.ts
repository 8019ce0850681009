/** Counts before training which rows can be used, by their captions and labels, so that nobody learns it after hours. */
import { type ColumnRequests, DataLoader, type SkippedRow, type Split } from '@tessera/data';
import { spread } from '../evaluation/examples.ts';
import type { Say } from '../tasks/task.ts';

/** The largest number of rows that are looked at; of more, evenly spread ones. */
const looked = 100_000;

interface Survey {
  readonly rows: number;
  readonly unusable: number;
  readonly examples: readonly SkippedRow[];
}

/** Reads all columns but the images. Null where there are none, or the split does not have them. */
async function survey(split: Split, columns: ColumnRequests): Promise<Survey | null> {
  const others = Object.fromEntries(Object.entries(columns).filter(([, { kind }]) => kind !== 'image'));
  if (Object.keys(others).length === 0 || split.length === 0) return null;
  const rows = spread(split.length, looked);
  const loader = new DataLoader(split, {
    columns: others,
    batchSize: 4096,
    imageSize: 1,
    rows,
    workers: 0,
    cacheBytes: 0,
  });
  try {
    for await (const _ of loader.epoch(0));
    const { skipped, examples } = loader.stats;
    return { rows: rows.length, unusable: skipped, examples };
  } finally {
    await loader.close();
  }
}

/** Whose rows are counted, and what happens to those that cannot be used. */
export interface UsableRowsRequest {
  /** The training split, or that of each source. */
  readonly train: readonly Split[];
  readonly evaluated: readonly Split[];
  /** Whether the evaluated splits were named: then one without a usable row is an error. */
  readonly named: boolean;
  readonly columns: ColumnRequests;
  /** Whether a row that cannot be used is an error. */
  readonly strict: boolean;
  readonly say: Say;
}

/**
 * Tells for each split how many rows have no caption or label that can be used. They are left out later.
 *
 * @returns the splits that can be evaluated: those that have a usable row
 * @throws with `strict` where a row cannot be used; where no row of a training split can
 */
export async function countUsableRows(request: UsableRowsRequest): Promise<Split[]> {
  const { train, evaluated, named, columns, strict, say } = request;
  const useful: Split[] = [];
  for (const split of [...train, ...evaluated]) {
    const found = await survey(split, columns);
    const [first] = found?.examples ?? [];
    if (found === null || first === undefined) {
      if (!train.includes(split)) useful.push(split);
      continue;
    }
    const title = `${split.path}, split "${split.name}"`;
    if (strict) throw new Error(`${title}, row ${first.row}: ${first.reason}`);
    const isUseless = found.unusable === found.rows;
    if (isUseless && (train.includes(split) || named))
      throw new Error(`${title}: none of its ${found.rows} rows can be used; row ${first.row}: ${first.reason}`);
    const share = found.rows === split.length ? '' : ` that were looked at`;
    say(
      isUseless
        ? `${split.name} is not evaluated: none of its ${found.rows} rows can be used (${first.reason})`
        : `${split.name}: ${found.unusable} of ${found.rows} rows${share} cannot be used; row ${first.row}: ${first.reason}`,
    );
    if (!train.includes(split) && !isUseless) useful.push(split);
  }
  return useful;
}
