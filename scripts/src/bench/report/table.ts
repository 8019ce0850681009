export interface Column<Row> {
  readonly title: string;
  /** What the numbers mean, in one line; columns that speak for themselves have none. */
  readonly meaning?: string;
  /** Text is set left, numbers right. Default right. */
  readonly align?: 'left' | 'right';
  readonly cell: (row: Row) => string;
}

/** Rows under aligned titles, and below what the columns mean. */
export function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = rows.map((row) => columns.map(({ cell }) => cell(row)));
  const widths = columns.map(({ title }, k) =>
    Math.max(title.length, ...cells.map((line) => (line[k] as string).length)),
  );
  const format = (line: readonly string[]): string =>
    line
      .map((text, k) =>
        columns[k]?.align === 'left' ? text.padEnd(widths[k] as number) : text.padStart(widths[k] as number),
      )
      .join('  ')
      .trimEnd();
  const titles = columns.map(({ title }) => title);
  const rule = widths.map((width) => '-'.repeat(width));
  const meanings = columns.flatMap(({ title, meaning }) => (meaning === undefined ? [] : [`  ${title}: ${meaning}`]));
  return [format(titles), format(rule), ...cells.map(format), ...meanings].join('\n');
}

/** Three digits that count. */
export const digits = (value: number): string =>
  value === 0 || !Number.isFinite(value)
    ? String(value)
    : value.toFixed(Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
