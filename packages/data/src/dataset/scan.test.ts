// Columns are read block by block, once, in any selection of rows; damaged blocks are told apart.
import { describe, expect, test } from 'vitest';
import type { Value } from '../arrow/column.ts';
import { checkRows } from '../loader/check-rows.ts';
import { usualColumns } from '../loader/columns.ts';
import { countedSplit } from '../testing/counted-split.ts';
import { ColumnMemory } from './column-memory.ts';
import { filterSplit } from './filter/index.ts';
import { labelsAsClasses } from './label-classes.ts';
import type { RowRange } from './scan.ts';
import type { Split } from './split.ts';

const columns = {
  caption: (row: number) => (row % 5 === 3 ? null : `caption ${row}`),
  label: (row: number) => (row % 4) - 1,
  kind: (row: number) => ['dog', 'cat', ''][row % 3] as string,
};
const blocks = [4, 1, 7, 3];
const rows = 15;

async function scanned(
  split: Split,
  names: readonly string[],
  ranges?: readonly RowRange[],
): Promise<Map<number, Value[]>> {
  const found = new Map<number, Value[]>();
  for await (const { from, count, value } of split.scan(names, ranges))
    for (let k = 0; k < count; k++)
      found.set(
        from + k,
        names.map((_, place) => value(place, k)),
      );
  return found;
}

const expected = (row: number): Value[] => [columns.caption(row), columns.label(row)];

describe('scan', () => {
  test('every block is read once, with the columns that were asked for', async () => {
    const { split, reads } = countedSplit(columns, blocks);
    expect([...(await scanned(split, ['caption', 'label']))]).toEqual(
      Array.from({ length: rows }, (_, row) => [row, expected(row)]),
    );
    expect(reads).toEqual([0, 1, 2, 3].map((block) => `caption, label: ${block}`));
  });

  test('ranges, also several in one block', async () => {
    const { split, reads } = countedSplit(columns, blocks);
    const ranges = [
      { from: 1, to: 2 },
      { from: 6, to: 7 },
      { from: 9, to: 14 },
    ];
    const found = await scanned(split, ['caption', 'label'], ranges);
    expect([...found]).toEqual([1, 6, 9, 10, 11, 12, 13].map((row) => [row, expected(row)]));
    expect(reads).toEqual(['caption, label: 0', 'caption, label: 2', 'caption, label: 3']);
  });

  test.each([[[0, 3, 5, 6, 11, 14]], [[14, 2, 2, 9, 0, 3, 8]]])('selected rows %j', async (selected) => {
    const { split, reads } = countedSplit(columns, blocks);
    const part = split.select(selected);
    expect([...(await scanned(part, ['caption', 'label'])).values()]).toEqual(selected.map(expected));
    expect(await part.column('caption')).toEqual(selected.map(columns.caption));
    expect(new Set(reads.slice(0, 3)).size).toBe(3);
    expect(reads.length).toBeLessThanOrEqual(6);
  });

  test('with a memory, each column is read once, whoever asks and in whichever order', async () => {
    const memory = new ColumnMemory(1e6);
    const { split, reads } = countedSplit(columns, blocks, { memory });
    await scanned(split, ['label']);
    const part = split.select([2, 3, 9, 12]).withClasses({ kind: ['cat', 'dog'] });
    expect(await scanned(part, ['kind', 'label'])).toEqual(
      new Map([
        [0, [null, 1]],
        [1, [1, 2]],
        [2, [1, 0]],
        [3, [1, -1]],
      ]),
    );
    await scanned(part, ['label', 'caption', 'kind']);
    await part.column('caption');
    expect(reads.filter((read) => read.includes('label'))).toHaveLength(4);
    expect(reads.filter((read) => read.includes('kind'))).toHaveLength(3);
    expect(reads.filter((read) => read.includes('caption'))).toHaveLength(3);
    expect(memory.bytes).toBeGreaterThan(0);
    memory.close();
    expect(memory.bytes).toBe(0);
    await scanned(part, ['label']);
    expect(reads.filter((read) => read.includes('label'))).toHaveLength(7);
  });

  test('what does not fit into the memory is read again', async () => {
    const { split, reads } = countedSplit(columns, blocks, { memory: new ColumnMemory(200) });
    for (let k = 0; k < 2; k++) expect(await scanned(split, ['label'])).toHaveLength(rows);
    expect(reads.length).toBeGreaterThan(4);
    expect(reads.length).toBeLessThan(8);
  });

  test('a damaged column does not take the others with it', async () => {
    const { split } = countedSplit(columns, blocks, { damaged: ['caption: 2'] });
    const damage: (string | null)[] = [];
    for await (const each of split.scan(['caption', 'label'])) {
      damage.push(each.damage);
      if (each.damage !== null) expect([each.value(0, 1), each.value(1, 1)]).toEqual([null, columns.label(6)]);
    }
    expect(damage).toEqual([null, null, 'block 2 of caption is damaged', null]);
    await expect(split.column('caption')).rejects.toThrow('block 2 of caption is damaged');
    expect(await split.column('label')).toHaveLength(rows);
  });

  test('rows of damaged blocks meet every filter, have no class, and cannot be used', async () => {
    const { split } = countedSplit(columns, blocks, { damaged: ['kind: 1', 'caption: 1'] });
    const filtered = await filterSplit(split, "kind = 'cat'");
    expect([...(filtered.selected ?? [])]).toEqual([1, 4, 7, 10, 13]);
    const { train } = await labelsAsClasses({ train: split }, { name: 'kind', names: [] });
    expect(train?.classes).toEqual({ kind: ['cat', 'dog'] });
    const check = await checkRows(split, { captions: usualColumns.captions });
    expect(check).toMatchObject({ rows: 15, unusable: 4 });
    expect(check?.examples.slice(0, 2)).toEqual([
      { row: 3, reason: 'the caption is empty' },
      { row: 4, reason: 'block 1 of caption is damaged' },
    ]);
  });
});

describe('spread', () => {
  test('a small split is read as a whole', () => {
    expect(countedSplit(columns, blocks).split.spread(15, 3)).toEqual([{ from: 0, to: 15 }]);
  });

  test.each([100, 999, 1000, 7000, 400_000])('few blocks of %d rows, and no row twice', (size) => {
    const length = 5_000_000;
    const { split } = countedSplit(
      columns,
      Array.from({ length: Math.ceil(length / size) }, () => size),
    );
    const ranges = split.spread(100_000, 100);
    expect(ranges).toHaveLength(100);
    let [end, touched] = [0, 0];
    for (const { from, to } of ranges) {
      expect(from).toBeGreaterThanOrEqual(end);
      expect(to - from).toBe(1000);
      touched += Math.ceil(to / size) - Math.floor(from / size);
      end = to;
    }
    expect(end).toBeLessThanOrEqual(split.length);
    expect(end).toBeGreaterThan(0.98 * split.length);
    expect(touched).toBeLessThanOrEqual(100 * Math.ceil(1000 / size) + (size > 50_000 ? 20 : 0));
  });

  test('of selected rows', () => {
    const { split } = countedSplit(columns, blocks);
    expect(split.select([1, 2, 4, 8, 9, 12, 13, 14]).spread(4, 2)).toEqual([
      { from: 0, to: 2 },
      { from: 4, to: 6 },
    ]);
  });
});
