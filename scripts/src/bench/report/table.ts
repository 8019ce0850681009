/** Plain tables with explanations of their columns. */

export interface Column<Row> {
  readonly title: string;
  /** An explanation of the numbers in one line, if the title is not enough. */
  readonly meaning?: string;
  /** Text is aligned left, numbers right. Default: right. */
  readonly align?: 'left' | 'right';
  readonly cell: (row: Row) => string;
}

/** Formats rows as a table with aligned columns, followed by the explanations of the columns. */
export function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const padded = columns.map(({ title, align = 'right', cell }) => {
    const texts = [title, ...rows.map(cell)];
    const width = Math.max(...texts.map((text) => text.length));
    const [head = '', ...body] = texts.map((text) => (align === 'left' ? text.padEnd(width) : text.padStart(width)));
    return [head, '-'.repeat(width), ...body];
  });
  const lines = Array.from({ length: rows.length + 2 }, (_, k) => padded.map((column) => column[k] ?? ''));
  const meanings = columns.flatMap(({ title, meaning }) => (meaning === undefined ? [] : [`  ${title}: ${meaning}`]));
  return [...lines.map((line) => line.join('  ').trimEnd()), ...meanings].join('\n');
}

/** Formats a number with three significant digits. */
export const digits = (value: number): string =>
  value === 0 || !Number.isFinite(value)
    ? String(value)
    : value.toFixed(Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));

/** Formats a fraction as a percentage. */
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
