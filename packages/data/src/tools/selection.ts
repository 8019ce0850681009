/** Which rows and columns of a dataset a tool uses. */
import type { Features } from '../arrow/features.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { rowsThatMeet } from '../dataset/filter/index.ts';
import type { RowSelection } from '../dataset/row-selection.ts';
import type { Split } from '../dataset/split.ts';
import { CounterRandom, purpose } from '../random.ts';
import type { ToolOptions } from './progress.ts';

export interface Selection {
  /** The splits. Default: all. */
  readonly splits?: readonly string[];
  /** A condition that rows must meet; see `parseFilter`. */
  readonly where?: string;
  /** So many random rows of each split, in their order. */
  readonly sample?: number;
  /** The first so many rows of each split, after `where` and `sample`. */
  readonly limit?: number;
  /** Default: all columns that can be read. */
  readonly columns?: readonly string[];
  /** For `sample`. Default 0. */
  readonly seed?: number;
}

/** `count` of the numbers 0 ... n - 1 in ascending order, all choices being equally likely (R. W. Floyd's algorithm). */
export function sampleOf(n: number, count: number, seed: number): number[] {
  const random = new CounterRandom(seed, purpose.sampling, 0);
  const chosen = new Set<number>();
  for (let last = Math.max(0, n - count); last < n; last++) {
    const drawn = random.below(last + 1);
    chosen.add(chosen.has(drawn) ? last : drawn);
  }
  return [...chosen].sort((a, b) => a - b);
}

/** The rows of a split that are selected; null: all of them. */
async function selectedRows(
  split: Split,
  { where, sample, limit, seed = 0 }: Selection,
  { onProgress, signal }: ToolOptions,
): Promise<Iterable<number> | null> {
  let met: RowSelection | null = null;
  if (where !== undefined)
    met = await rowsThatMeet(split, where, (done) => {
      signal?.throwIfAborted();
      onProgress?.({ what: `${split.name}: rows that meet the condition`, done, total: split.length });
    });
  const all = met?.length ?? split.length;
  let places = sample !== undefined && sample < all ? sampleOf(all, sample, seed) : null;
  if (limit !== undefined && limit < (places?.length ?? all))
    places = places?.slice(0, limit) ?? Array.from({ length: limit }, (_, place) => place);
  if (places === null || met === null) return places ?? met;
  const chosen = met;
  return places.map((place) => chosen.at(place));
}

/**
 * The splits with the selected rows.
 *
 * @throws for a split or column that is missing, a condition that cannot be read, and where no row of any split meets the condition
 */
export async function selectRows(dataset: Dataset, selection: Selection, options: ToolOptions = {}): Promise<Split[]> {
  const names = selection.splits ?? Object.keys(dataset.splits);
  const splits: Split[] = [];
  for (const name of names) {
    const split = dataset.split(name);
    const rows = await selectedRows(split, selection, options);
    splits.push(rows === null ? split : split.select(rows));
  }
  if (selection.where !== undefined && splits.every(({ length }) => length === 0))
    throw new Error(
      `${dataset.path}: none of the rows of ${names.join(', ')} meets the condition ${JSON.stringify(selection.where)}`,
    );
  return splits;
}

/** The columns that are selected and can be read, and those that cannot. */
export function selectColumns(
  title: string,
  splits: readonly Split[],
  columns: readonly string[] | undefined,
): { features: Features; unread: readonly string[] } {
  const features = splits[0]?.features ?? {};
  for (const name of columns ?? []) {
    const found = features[name];
    if (found === undefined)
      throw new Error(`${title}: no column "${name}"; its columns are ${Object.keys(features).join(', ')}`);
    if (found.type === 'other')
      throw new Error(`${title}: column "${name}" is of type ${found.dtype}, which cannot be read`);
  }
  const wanted = Object.entries(features).filter(([name]) => columns?.includes(name) ?? true);
  return {
    features: Object.fromEntries(wanted.filter(([, { type }]) => type !== 'other')),
    unread: wanted.flatMap(([name, f]) => (f.type === 'other' ? [`${name}: its type, ${f.dtype}, is not read`] : [])),
  };
}
