/** Reads columns of a split from its first row to its last, block by block, without keeping the blocks. */
import { setImmediate } from 'node:timers/promises';
import type { Value } from '../arrow/column.ts';
import { type Block, DamagedRowsError } from '../format/shard.ts';
import type { ColumnMemory, KeptRows } from './column-memory.ts';
import { keepValues } from './kept-values.ts';
import type { RowSelection } from './row-selection.ts';

/** Rows `from` to `to`, without `to`. */
export interface RowRange {
  readonly from: number;
  readonly to: number;
}

/** Neighboring rows that are in one block. */
export interface ScannedRows {
  /** The number of the first of them in the split. */
  readonly from: number;
  readonly count: number;
  /** Why their bytes in the file cannot be used; their values are null then. Null: they can. */
  readonly damage: string | null;
  /** @param column its place among those that were asked for @param index of the row among these */
  value(column: number, index: number): Value;
}

/** A block, and the number of its first row in the files. */
interface ScannedBlock {
  readonly number: number;
  readonly firstRow: number;
  readonly rows: number;
}

/** What a scan needs of a split. */
export interface ScanSource<Place extends ScannedBlock = ScannedBlock> {
  readonly name: string;
  /** What distinguishes its columns in the memory from those of other splits. */
  readonly memoryKey: string;
  /** For each row of the split its number in the files; null: it is the same. */
  readonly selected: RowSelection | null;
  readonly memory: ColumnMemory | null;
  /** The block with a row of the files. */
  placeOf(stored: number): Place;
  open(place: Place, columns: readonly string[]): Promise<Block>;
}

/** Blocks that are read at the same time. */
const readAhead = 4;

/** Milliseconds after which others get their turn: files of this machine are read without waiting, and Ctrl-C must be answered. */
const turn = 50;

/** Rows of one block, in the split and in the files. */
interface Stretch<Place extends ScannedBlock> {
  readonly from: number;
  readonly count: number;
  readonly place: Place;
  /** The number of each row in the block. */
  inBlock(index: number): number;
}

function* stretches<Place extends ScannedBlock>(
  { selected, placeOf }: ScanSource<Place>,
  ranges: Iterable<RowRange>,
): Generator<Stretch<Place>> {
  for (const { from: start, to } of ranges)
    for (let from = start; from < to; ) {
      const place = placeOf(selected?.at(from) ?? from);
      const end = place.firstRow + place.rows;
      const next = selected === null ? Math.min(to, end) : endOfAscending(selected, from, to, end);
      const first = from;
      yield {
        from,
        count: next - from,
        place,
        inBlock: (index) => (selected?.at(first + index) ?? first + index) - place.firstRow,
      };
      from = next;
    }
}

/** The first place after `from`, at most `to`, with a row that is not after the one before it, or not before row `end` of the files. */
function endOfAscending(selected: RowSelection, from: number, to: number, end: number): number {
  if (selected.isAscending) return Math.min(to, selected.countBelow(end));
  let next = from + 1;
  while (next < to && selected.at(next) > selected.at(next - 1) && selected.at(next) < end) next++;
  return next;
}

/**
 * The values of some columns in the rows of these ranges, in their order. Rows in a damaged part of a file come with the damage; other
 * errors are thrown.
 */
export async function* scanRows<Place extends ScannedBlock>(
  source: ScanSource<Place>,
  columns: readonly string[],
  ranges: Iterable<RowRange>,
): AsyncGenerator<ScannedRows, void, undefined> {
  const once = { ...source, open: openedOnce(source) };
  const ahead: { readonly stretch: Stretch<Place>; readonly kept: Promise<readonly KeptRows[]> }[] = [];
  const all = stretches(source, ranges);
  let last = performance.now();
  for (;;) {
    if (performance.now() - last > turn) {
      await setImmediate();
      last = performance.now();
    }
    while (ahead.length < readAhead) {
      const { value: stretch, done } = all.next();
      if (done === true) break;
      const kept = columnsOf(once, columns, stretch);
      // The error is thrown when it is its turn; if the scan ended before, it must not count as unhandled.
      kept.catch(() => undefined);
      ahead.push({ stretch, kept });
    }
    const next = ahead.shift();
    if (next === undefined) return;
    const kept = await next.kept;
    const damaged = kept.find(({ values }) => 'damage' in values)?.values;
    const { from, count, place, inBlock } = next.stretch;
    yield {
      from,
      count,
      damage: damaged !== undefined && 'damage' in damaged ? damaged.damage : null,
      value(column, index) {
        const own = kept[column];
        if (own === undefined || 'damage' in own.values) return null;
        return own.values.get(place.firstRow + inBlock(index) - own.from);
      },
    };
  }
}

/** Opens a block only once for several stretches of it that follow each other. */
function openedOnce<Place extends ScannedBlock>({ open }: ScanSource<Place>): ScanSource<Place>['open'] {
  let last: { readonly key: string; readonly block: Promise<Block> } | null = null;
  return (place, columns) => {
    const key = `${place.number} ${columns.join('\0')}`;
    if (last?.key !== key) last = { key, block: open(place, columns) };
    return last.block;
  };
}

/** The values of each column, which are read if they are not in memory. */
async function columnsOf<Place extends ScannedBlock>(
  source: ScanSource<Place>,
  columns: readonly string[],
  stretch: Stretch<Place>,
): Promise<KeptRows[]> {
  const { memory, memoryKey } = source;
  const { place, count, inBlock } = stretch;
  const [first, last] = [inBlock(0), inBlock(count - 1)];
  const from = place.firstRow + first;
  const rows = last - first + 1;
  const key = (column: string): string => `${memoryKey}\0${column}`;
  const kept = new Map(columns.map((column) => [column, memory?.find(key(column), place.number, from, rows) ?? null]));
  const missing = columns.filter((column) => kept.get(column) === null);
  for (const [column, values] of await readColumns(source, place, missing, { first, last })) {
    const own = { from, count: rows, values };
    memory?.keep(key(column), place.number, own);
    kept.set(column, own);
  }
  return columns.map((column) => kept.get(column) as KeptRows);
}

async function readColumns<Place extends ScannedBlock>(
  source: ScanSource<Place>,
  place: Place,
  columns: readonly string[],
  rows: { readonly first: number; readonly last: number },
): Promise<(readonly [column: string, values: KeptRows['values']])[]> {
  if (columns.length === 0) return [];
  let block: Block;
  try {
    block = await source.open(place, columns);
  } catch (error) {
    if (!(error instanceof DamagedRowsError)) throw error;
    if (columns.length === 1) return columns.map((column) => [column, { damage: error.message }]);
    const each = await Promise.all(columns.map((column) => readColumns(source, place, [column], rows)));
    return each.flat();
  }
  const values = columns.map((): Value[] => []);
  for (let index = rows.first; index <= rows.last; index++) {
    const row = rowOf(block, index, source.name, place.firstRow);
    for (const [k, column] of columns.entries()) values[k]?.push(row[column] ?? null);
  }
  return columns.map((column, k) => [column, keepValues(values[k] ?? [])]);
}

function rowOf(block: Block, index: number, split: string, firstRow: number): ReturnType<Block['row']> {
  try {
    return block.row(index);
  } catch (error) {
    throw new Error(`split "${split}", row ${firstRow + index}: ${(error as Error).message}`, { cause: error });
  }
}
