/** How values say what a notebook shows for them: the symbol of Deno's Jupyter kernel, and the tables that several values share. */
import { type Html, html } from './html.ts';

/**
 * The method that Deno's Jupyter kernel calls on the last value of a cell, and waits for. It is a global symbol, so that neither side
 * needs the other.
 */
export const display: unique symbol = Symbol.for('Jupyter.display');

/** One value in several media types, of which a notebook shows the richest that it knows. Images are base64. */
export interface MediaBundle {
  readonly 'text/plain': string;
  readonly 'text/html'?: string;
  readonly 'image/png'?: string;
  readonly 'image/svg+xml'?: string;
}

/** A value that a notebook can show. */
export interface Displayable {
  [display](): MediaBundle | Promise<MediaBundle>;
}

/** A table of text. */
export interface Table {
  /** Headings of the columns. */
  readonly head: readonly string[];
  readonly rows: readonly TableRow[];
  /** A last row that sums up the others. */
  readonly foot?: readonly string[];
  /** How many columns from the left on contain text; the others contain numbers, which are aligned at the right. */
  readonly textColumns: number;
}

export interface TableRow {
  readonly cells: readonly string[];
  /** How far the first cell is indented, in levels. */
  readonly depth?: number;
}

/** What all tables share. Cells inherit the alignment; where styles are removed, as on GitHub, a plain table remains. */
export const tableStyle = 'border-collapse:collapse;text-align:right;white-space:nowrap';
/** Around what may be large. */
export const scrolled = 'max-height:32em;overflow:auto';

/** A table as HTML that scrolls where it is high. All text is escaped. */
export function tableHtml({ head, rows, foot, textColumns }: Table): Html {
  const line = (tag: 'th' | 'td', cells: readonly string[], depth = 0): Html =>
    html`<tr>${cells.map((cell, column) => {
      const indent = column === 0 && depth > 0 ? `;padding-left:${4 + 16 * depth}px` : '';
      const style = column < textColumns && html` style="text-align:left${indent}"`;
      return tag === 'th' ? html`<th${style}>${cell}</th>` : html`<td${style}>${cell}</td>`;
    })}</tr>`;
  return html`<div style="${scrolled}"><table cellpadding="4" style="${tableStyle}"><thead>${line('th', head)}</thead><tbody>${rows.map(({ cells, depth }) => line('td', cells, depth))}</tbody>${foot !== undefined && html`<tfoot>${line('th', foot)}</tfoot>`}</table></div>`;
}
