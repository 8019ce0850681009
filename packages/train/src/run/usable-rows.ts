/** Counts before training which rows can be used, by their captions and labels, so that nobody learns it after hours. */
import { type ColumnRequests, checkRows, type Split } from '@tessera/data';
import { type CheckSettings, checkedRows } from '../tasks/checked-rows.ts';
import type { Say } from '../tasks/task.ts';

const inWords = (rows: number): string => rows.toLocaleString('en-US');

/** Whose rows are counted, and what happens to those that cannot be used. */
export interface UsableRowsRequest {
  /** The training split, or that of each source. */
  readonly train: Split | readonly Split[];
  readonly evaluated: readonly Split[];
  /** Whether the evaluated splits were named: then one without a usable row is an error. */
  readonly named: boolean;
  readonly columns: ColumnRequests;
  /** `strict`: whether a row that cannot be used is an error. */
  readonly data: CheckSettings;
  readonly say: Say;
}

/**
 * Tells for each split how many rows have no caption or label that can be used. They are left out later.
 *
 * @returns the splits that can be evaluated: those that have a usable row
 * @throws with `strict` where a row cannot be used; where no row of a training split can
 */
export async function countUsableRows(request: UsableRowsRequest): Promise<Split[]> {
  const { evaluated, named, columns, data, say } = request;
  const train: readonly Split[] = [request.train].flat();
  const hasMasks = Object.values(columns).some(({ kind }) => kind === 'mask');
  const useful: Split[] = [];
  for (const split of [...train, ...evaluated]) {
    const { ranges, complete } = checkedRows(split, data, hasMasks ? 'masks' : 'texts');
    const found = await checkRows(split, columns, ranges);
    if (found !== null && !complete)
      say(
        `${split.name}: captions and labels are checked in ${inWords(found.rows)} of ${inWords(split.length)} rows (data.checkRows=all: in all)`,
      );
    const [first] = found?.examples ?? [];
    if (found === null || first === undefined) {
      if (!train.includes(split)) useful.push(split);
      continue;
    }
    const title = `${split.path}, split "${split.name}"`;
    if (data.strict) throw new Error(`${title}, row ${first.row}: ${first.reason}`);
    const isUseless = found.unusable === found.rows;
    if (isUseless && (train.includes(split) || named))
      throw new Error(`${title}: none of its ${found.rows} rows can be used; row ${first.row}: ${first.reason}`);
    const share = complete ? '' : ' that were checked';
    say(
      isUseless
        ? `${split.name} is not evaluated: none of its ${found.rows} rows can be used (${first.reason})`
        : `${split.name}: ${found.unusable} of ${found.rows} rows${share} cannot be used; row ${first.row}: ${first.reason}`,
    );
    if (!train.includes(split) && !isUseless) useful.push(split);
  }
  return useful;
}
