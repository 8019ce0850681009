/** Draws parallel coordinates as SVG. */
import { type Html, html } from '../../report/html.ts';
import type { Coordinates, Line } from './coordinates.ts';

/** Height of the axes, and the room around them, in pixels. */
const height = 260;
const margin = { top: 34, bottom: 14, left: 66, right: 64 };
/** Distance between axes below which their labels are drawn in two lines. */
const roomForLabels = 90;
/** Width of the strip around an axis that reacts to the pointer. */
const grip = 26;

/** The smallest width at which the axes' labels do not cover each other, in pixels. */
export const smallestWidth = ({ axes }: Coordinates): number =>
  margin.left + margin.right + 84 * Math.max(1, axes.length - 1);

const px = (value: number): string => String(Number(value.toFixed(1)));

/** A drawing of a width in pixels. Lines have their number, positions and share as data attributes, which the page's script uses: it sets the share as the style `--share`, because pages with a strict policy allow no styles in attributes. */
export function drawCoordinates({ axes, lines }: Coordinates, width: number, name: string): Html {
  const distance = axes.length > 1 ? (width - margin.left - margin.right) / (axes.length - 1) : 0;
  const x = (axis: number): number => margin.left + axis * distance;
  const y = (at: number): number => margin.top + (1 - at) * height;
  const curve = ({ at }: Line): string =>
    at
      .map((value, k) => {
        if (k === 0) return `M${px(x(0))} ${px(y(value))}`;
        const middle = (x(k - 1) + x(k)) / 2;
        return `C${px(middle)} ${px(y(at[k - 1] ?? 0))} ${px(middle)} ${px(y(value))} ${px(x(k))} ${px(y(value))}`;
      })
      .join('');
  const drawLine = (line: Line): Html =>
    html`<path class="line${line.rank === 1 ? ' best' : ''}" data-configuration="${line.number}" data-at="${line.at.map((at) => at.toFixed(4)).join()}" data-share="${Math.round(100 * line.share)}" d="${curve(line)}"><title>${`#${line.rank}: ${line.title}`}</title></path>`;
  // The best line is drawn last, over the others.
  const sorted = lines.toReversed();
  const total = margin.top + height + margin.bottom;
  return html`<svg class="coordinates ${name}" viewBox="0 0 ${px(width)} ${total}" width="${px(width)}" height="${total}" role="img" aria-label="Parallel coordinates of the configurations">
${sorted.map(drawLine)}
${axes.map(
  ({ label, title, ticks }, k) => html`<g class="axis">
  <line x1="${px(x(k))}" x2="${px(x(k))}" y1="${margin.top}" y2="${margin.top + height}"/>
  <text class="label" x="${px(x(k))}" y="${k % 2 === 1 && distance < roomForLabels ? 10 : 20}" text-anchor="${k === axes.length - 1 ? 'end' : 'middle'}"${k === axes.length - 1 && html` dx="${margin.right - 8}"`}>${label}<title>${title}</title></text>
  ${ticks.map(({ at, text }) => html`<text class="tick" x="${px(x(k) + (k === axes.length - 1 ? 7 : -7))}" y="${px(y(at) + 4)}" text-anchor="${k === axes.length - 1 ? 'start' : 'end'}">${text}</text>`)}
  <rect class="brush" data-axis="${k}" x="${px(x(k) - 5)}" width="10" y="0" height="0"/>
  <rect class="grip" data-axis="${k}" data-top="${margin.top}" data-height="${height}" x="${px(x(k) - grip / 2)}" width="${grip}" y="${margin.top - 6}" height="${height + 12}"/>
</g>`,
)}
</svg>`;
}
