// Tables and numbers of the benchmark.
import { describe, expect, test } from 'vitest';
import { digits, formatTable, percent } from './table.ts';

test('columns are aligned, and explained below', () => {
  const rows = [
    { name: 'a', ms: 1.5 },
    { name: 'longer', ms: 123 },
  ];
  const table = formatTable(
    [
      { title: 'work', align: 'left', cell: ({ name }) => name },
      { title: 'ms', meaning: 'milliseconds', cell: ({ ms }) => String(ms) },
    ],
    rows,
  );
  expect(table.split('\n')).toEqual([
    'work     ms', //
    '------  ---',
    'a       1.5',
    'longer  123',
    '  ms: milliseconds',
  ]);
});

describe('numbers', () => {
  test.each([
    [0, '0'],
    [0.01234, '0.0123'],
    [1.234, '1.23'],
    [12.34, '12.3'],
    [123.4, '123'],
    [12345, '12345'],
    [Number.NaN, 'NaN'],
  ])('%d has three significant digits', (value, text) => {
    expect(digits(value)).toBe(text);
  });

  test('fractions are formatted as percentages', () => {
    expect(percent(0.4567)).toBe('45.7 %');
  });
});
