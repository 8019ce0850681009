// Conditions on rows: what they mean, how they are misread, and the rows of a split that meet one.
import path from 'node:path';
import { expect, test } from 'vitest';
import { feature } from '../../arrow/features.ts';
import { openDataset } from '../dataset.ts';
import { filterSplit, parseFilter } from './index.ts';

const rows = [
  { similarity: 0.1, width: 100, height: 50, text: 'a cat', flag: true, 'odd name': 1n, label: 0, tags: ['x', 'y'] },
  { similarity: 0.3, width: 300, height: 200, text: 'a Dog', flag: false, 'odd name': 2n, label: 2, tags: [] },
  { similarity: null, width: 200, height: 200, text: null, flag: true, 'odd name': 3n, label: -1, tags: ['y'] },
];
const features = { label: feature.classLabel(['cat', 'bird', 'dog']) };
const chosen = (filter: string): number[] => {
  const { test: meets } = parseFilter(filter, features);
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
  ["text in ('a cat', 'a Dog')", [0, 1]],
  ['similarity is null', [2]],
  ['text IS NOT NULL AND flag = TRUE', [0]],
  // Other kinds are never equal, greater or less.
  ['width = "100"', []],
  ['text > 0', []],
  ['`odd name` <= 2', [0, 1]],
  ['width > -1', [0, 1, 2]],
  ['text not in ("a cat", "other")', [1, 2]],
  ['not text in ("a cat", "other")', [1, 2]],
  ['width between 100 and 200', [0, 2]],
  ['width not between 100 and 200 and flag = false', [1]],
  ["text like 'a %'", [0, 1]],
  ["text like 'a d_g'", []],
  ["text ilike 'a d_g'", [1]],
  ["text not like '%cat'", [1, 2]],
  ["text matches '^a [A-Z]'", [1]],
  // A dot of a pattern is a dot.
  ["text like 'a.cat'", []],
  ['length(text) = 5', [0, 1]],
  ['words(text) >= 2 and length(tags) > 0', [0]],
  ["lower(text) = 'a dog' or upper(text) = 'A CAT'", [0, 1]],
  ["contains(text, 'at')", [0]],
  ["contains(tags, 'y') and not contains(tags, 'x')", [2]],
  ["starts_with(text, 'a ') and ends_with(text, 'g')", [1]],
  ['width > height', [0, 1]],
  ['width / height >= 1.5 and (width + height) * 2 > 300', [1]],
  ['width - 100 = height + 50 - 50 * 2', [0]],
  ['width - 100 - 50 = height - 50', [1]],
  ['-1 < similarity', [0, 1]],
  ['(width) = (100)', [0]],
  // By name and by number.
  ["label = 'dog'", [1]],
  ["label in ('cat', 'bird')", [0]],
  ["label != 'cat'", [1]],
  ["label like '%o%'", [1]],
  ['label < 1', [0, 2]],
  ["upper(label) = 'CAT'", [0]],
] as const)('%s', (filter, expected) => {
  expect(chosen(filter)).toEqual(expected);
});

test.each([
  ['width >', 'expected a column, a number or a quoted text, found the end (character 8)'],
  ['width > 1 and', 'expected a column, a number or a quoted text, found the end'],
  ['width 5', 'expected a comparison (=, ==, !=, <>, <, <=, >, >=, in, like, is null), found 5'],
  ['(width > 5', 'expected ")", found the end'],
  ['width > 5 height > 6', 'expected and, or, or the end, found height'],
  ['width is 5', 'expected null, found 5'],
  ['width ( 5', 'there is no function width; the functions are length, words,'],
  ['length(text, 5) = 1', 'length takes 1 values, found 2'],
  ['width', 'expected a comparison (=, ==, !=, <>, <, <=, >, >=, in, like, is null), found the end'],
  ['width and height > 5', 'expected a comparison'],
  ['(width > 5) + 1 > 3', 'expected a value, not a condition, before it, found +'],
  ['width not 5', 'expected in, like, ilike, matches or between, found 5'],
  ["text matches '('", '"(" is not a regular expression'],
  ['text like 5', 'expected a quoted pattern, found 5'],
  ['width = and', 'expected a column, a number or a quoted text, found and (character 9)'],
  ["label = 'mouse'", 'column label has no class "mouse"; its classes are cat, bird, dog'],
  ['width > 5 ; drop', 'at "; drop": not understood'],
  ['', 'expected a column, a number or a quoted text, found the end'],
])('%s is refused', (filter, problem) => {
  expect(() => parseFilter(filter, features)).toThrow(problem);
});

test('a split has the rows that meet the filter, and a missing column or no row is an error', async () => {
  using dataset = await openDataset(
    path.join(import.meta.dirname, '../../../data-files/pictures/pictures-snappy.parquet'),
  );
  const train = dataset.split('train');
  const filtered = await filterSplit(train, 'similarity >= 0.28 and label = 1');
  expect(await filtered.column('similarity')).toEqual([0.28, 0.3]);
  expect([filtered.length, filtered.whole, [...(filtered.selected ?? [])]]).toEqual([2, 6, [3, 5]]);
  await expect(filterSplit(train, 'width > 3')).rejects.toThrow('no column "width"; its columns are image, caption');
  await expect(filterSplit(train, 'similarity > 3')).rejects.toThrow('none of its 6 rows meets the filter');
});
