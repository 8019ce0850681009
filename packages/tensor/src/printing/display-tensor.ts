/** A tensor in a notebook: the printed text, and the same values as tables. */
import type { Node } from '../graph/node.ts';
import { nth } from '../kernel/nth.ts';
import { type Shape, sizeOf } from '../kernel/shape.ts';
import { isRecording } from '../runtime/recording.ts';
import { formatCells, printedShape } from './format-values.ts';
import { type Html, html } from './html.ts';
import { type MediaBundle, scrolled, tableStyle } from './notebook.ts';
import { printOptions } from './print-options.ts';
import { headOf, type Printable, printTensor, readPrinted, withValues } from './print-tensor.ts';

/**
 * The text that `describe` returns, and a table of the last two axes for each place of the others. As much is left out as in the printed
 * text. Never throws: where the values cannot be had, the text says why.
 *
 * @param read computes and reads the values of a node
 */
export async function displayTensor(
  tensor: Printable,
  read: (node: Node) => Promise<ArrayLike<number>>,
): Promise<MediaBundle> {
  // An attempt to read would make the recording fail.
  if (isRecording()) return { 'text/plain': printTensor(tensor) };
  const values = await readPrinted(tensor, read).catch(() => null);
  if (values === null) return { 'text/plain': printTensor(tensor) };
  return { 'text/plain': withValues(tensor, values), 'text/html': tensorHtml(tensor, values).text };
}

/** An index of an axis; null: what is left out between its two ends. */
type Place = number | null;

function tensorHtml(tensor: Printable, values: ArrayLike<number>): Html {
  const { shape, dtype } = tensor.node;
  const options = printOptions();
  const printed = printedShape(shape, options);
  const cells = formatCells(Array.from(values), dtype, options).map((cell) => cell.trim());
  const title = html`<code>${headOf(tensor)}</code>`;
  if (cells.length === 0) return title;
  if (shape.length === 0) return html`${title} <b>${cells[0]}</b>`;
  // A vector is a table of one row.
  const rowAxis = shape.length - 2;
  const columns = placesOf(nth(shape, shape.length - 1), nth(printed, shape.length - 1));
  const rows: Place[] = rowAxis < 0 ? [0] : placesOf(nth(shape, rowAxis), nth(printed, rowAxis));
  const leading = shape.slice(0, Math.max(0, rowAxis));
  const perTable = sizeOf(printed.slice(Math.max(0, rowAxis)));
  const slices = slicesOf(leading, printed);
  const tables = slices.map(({ places, start }) =>
    table(
      places.length === 0 ? undefined : `[${places.map((place) => place ?? '…').join(', ')}]`,
      rowAxis < 0 ? null : rows,
      columns,
      cells.slice(start * perTable, (start + 1) * perTable),
    ),
  );
  return html`<div>${title}<div style="display:flex;flex-wrap:wrap;gap:12px;${scrolled}">${tables}</div></div>`;
}

/** The printed places of an axis: all of them, or those at both ends with a gap in between. */
function placesOf(size: number, printed: number): Place[] {
  if (printed === size) return Array.from({ length: size }, (_, k) => k);
  const half = printed / 2;
  return [
    ...Array.from({ length: half }, (_, k) => k),
    null,
    ...Array.from({ length: half }, (_, k) => size - half + k),
  ];
}

/** The printed places of the leading axes, row-major, with the number of each among them. */
function slicesOf(leading: Shape, printed: Shape): { places: number[]; start: number }[] {
  const all = leading.reduce<number[][]>(
    (before, size, axis) => {
      const here = placesOf(size, nth(printed, axis)).filter((place) => place !== null);
      return before.flatMap((places) => here.map((place) => [...places, place]));
    },
    [[]],
  );
  return all.map((places, start) => ({ places, start }));
}

/** One table with the indices of its rows and columns. `rows` is null for a vector, whose row has no index. */
function table(
  caption: string | undefined,
  rows: readonly Place[] | null,
  columns: readonly Place[],
  cells: readonly string[],
): Html {
  const perRow = columns.filter((column) => column !== null).length;
  const index = (place: Place): Html => html`<th>${place ?? '…'}</th>`;
  let next = 0;
  const line = (row: Place): Html => {
    const own = row === null ? [] : cells.slice(next, next + perRow);
    next += own.length;
    let at = 0;
    const shown = columns.map((column) => (row === null ? '⋮' : column === null ? '…' : own[at++]));
    return html`<tr>${rows !== null && index(row)}${shown.map((cell) => html`<td>${cell}</td>`)}</tr>`;
  };
  return html`<table cellpadding="3" style="${tableStyle};font-family:monospace">${caption !== undefined && html`<caption style="text-align:left">${caption}</caption>`}<thead><tr>${rows !== null && html`<th></th>`}${columns.map(index)}</tr></thead><tbody>${(rows ?? [0]).map(line)}</tbody></table>`;
}
