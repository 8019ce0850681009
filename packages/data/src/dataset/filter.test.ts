// Conditions on rows: what they mean, how they are misread, and the rows of a split that meet one.
import path from 'node:path';
import { expect, test } from 'vitest';
import { openDataset } from './dataset.ts';
import { filterSplit, parseFilter } from './filter.ts';

const rows = [
  { similarity: 0.1, width: 100, text: 'a cat', flag: true, 'odd name': 1n },
  { similarity: 0.3, width: 300, text: 'a dog', flag: false, 'odd name': 2n },
  { similarity: null, width: 200, text: null, flag: true, 'odd name': 3n },
];
const chosen = (filter: string): number[] => {
  const { test: meets } = parseFilter(filter);
  return rows.flatMap((row, k) => (meets(row) ? [k] : []));
};

test.each([
  ['similarity > 0.28', [1]],
  ['similarity >= 1e-1 and width >= 200', [1]],
  ['width < 200 or width > 200', [0, 1]],
  ['width = 100 or width = 200 and flag = false', [0]],
  ['(width = 100 or width = 300) and flag = false', [1]],
  ['not width = 100', [1, 2]],
  ['not (width = 100 or flag == false)', [2]],
  ['text != "a cat"', [1]],
  ["text in ('a cat', 'a dog')", [0, 1]],
  ['similarity is null', [2]],
  ['text IS NOT NULL AND flag = TRUE', [0]],
  // Other kinds are never equal, greater or less.
  ['width = "100"', []],
  ['text > 0', []],
  ['`odd name` <= 2', [0, 1]],
  ['width > -1', [0, 1, 2]],
] as const)('%s', (filter, expected) => {
  expect(chosen(filter)).toEqual(expected);
});

test.each([
  ['width >', 'expected a number or a quoted text, found the end (character 8)'],
  ['width > 1 and', 'expected the name of a column, found the end'],
  ['width 5', 'expected a comparison, found 5'],
  ['(width > 5', 'expected ")", found the end'],
  ['width > 5 height > 6', 'expected and, or, or the end, found height'],
  ['width is 5', 'expected null, found 5'],
  ['width ( 5', '"(" compares nothing'],
  ['width > 5 ; drop', 'at "; drop": not understood'],
  ['', 'expected the name of a column, found the end'],
])('%s is refused', (filter, problem) => {
  expect(() => parseFilter(filter)).toThrow(problem);
});

test('a split has the rows that meet the filter, and a missing column or no row is an error', async () => {
  using dataset = await openDataset(
    path.join(import.meta.dirname, '../../data-files/pictures/pictures-snappy.parquet'),
  );
  const train = dataset.split('train');
  const filtered = await filterSplit(train, 'similarity >= 0.28 and label = 1');
  expect(await filtered.column('similarity')).toEqual([0.28, 0.3]);
  expect([filtered.length, filtered.whole, [...(filtered.selected ?? [])]]).toEqual([2, 6, [3, 5]]);
  await expect(filterSplit(train, 'width > 3')).rejects.toThrow('no column "width"; its columns are image, caption');
  await expect(filterSplit(train, 'similarity > 3')).rejects.toThrow('none of its 6 rows meets the filter');
});
