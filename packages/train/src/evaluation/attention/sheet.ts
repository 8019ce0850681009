/** Draws an image with attention maps over it as one PNG. */
import type { Pixels } from '@tessera/data';
import { type Html, html } from '../../report/html.ts';
import { drawPanels, fontAttribute } from '../../report/sheet.ts';
import { colorOf } from './color-map.ts';
import { overlay, type PatchMap } from './overlay.ts';

/** The image, alone or with a map over it. */
interface Panel {
  readonly label: string;
  /** A second line, paler. */
  readonly note?: string;
  readonly map?: PatchMap;
  /** Drawn in place of the sheet's image, its pixels as squares. */
  readonly image?: Pixels;
}

/** Panels below a heading. */
export interface SheetSection {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Sheet {
  readonly title: string;
  readonly subtitle: string;
  /** The image that each panel shows, at the size of a panel. */
  readonly image: Pixels;
  readonly sections: readonly SheetSection[];
}

/** The largest number of panels in a row. */
const maximalColumns = 6;

/** One PNG with all sections below each other, with labels, and a legend of the colors at the top. */
export const drawSheet = ({ title, subtitle, image, sections }: Sheet): Promise<Buffer> =>
  drawPanels({
    title,
    subtitle,
    legend: { width: barWidth, draw: legendOf },
    cell: image,
    columns: maximalColumns,
    sections: sections.map((section) => ({
      title: section.title,
      panels: section.panels.map(({ label, note = '', map, image: own }) => ({
        pixels: panelOf(own === undefined ? image : inSquares(own, image), map).data,
        label,
        notes: [note],
      })),
    })),
  });

const panelOf = (image: Pixels, map: PatchMap | undefined): Pixels => (map === undefined ? image : overlay(image, map));

/** An image at another size, without smoothing: each pixel of the result is the nearest one of the image. */
function inSquares({ data, width, height }: Pixels, size: Pick<Pixels, 'width' | 'height'>): Pixels {
  const out = new Uint8Array(size.width * size.height * 3);
  for (let y = 0; y < size.height; y++)
    for (let x = 0; x < size.width; x++) {
      const [row, column] = [Math.floor((y * height) / size.height), Math.floor((x * width) / size.width)];
      const from = 3 * (row * width + column);
      out.set(data.subarray(from, from + 3), 3 * (y * size.width + x));
    }
  return { data: out, width: size.width, height: size.height };
}

const barWidth = 120;

/** The legend of the colors. */
function legendOf(right: number, top: number): Html[] {
  const steps = 24;
  const left = right - barWidth;
  return [
    ...Array.from({ length: steps }, (_, k) => {
      const color = colorOf(k / (steps - 1))
        .map(Math.round)
        .join(',');
      return html`<rect x="${left + (k * barWidth) / steps}" y="${top}" width="${barWidth / steps + 0.5}" height="9" fill="rgb(${color})"/>`;
    }),
    html`<text x="${left}" y="${top + 22}" font-size="10" fill="#6b7078" ${fontAttribute}>low</text>`,
    html`<text x="${right}" y="${top + 22}" font-size="10" fill="#6b7078" text-anchor="end" ${fontAttribute}>high</text>`,
  ];
}
