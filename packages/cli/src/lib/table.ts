/** Tables for the terminal. */
import { styleText } from 'node:util';

/** A table: the first column aligned to the left, all others to the right, headings underlined. */
export function formatTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    widths
      .map((width, column) => (column === 0 ? (row[column] ?? '').padEnd(width) : (row[column] ?? '').padStart(width)))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  return [styleText('bold', line(headings)), styleText('dim', rule), ...rows.map(line)].join('\n');
}

/** 0.3456 as 34.6 %. */
export const percent = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)} %`;
