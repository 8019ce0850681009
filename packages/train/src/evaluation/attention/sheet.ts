/** Draws an image with attention maps over it as one PNG. */
import type { Pixels } from '@tessera/data';
import sharp from 'sharp';
import { type Html, html } from '../../report/html.ts';
import { colorOf } from './color-map.ts';
import { overlay, type PatchMap } from './overlay.ts';

/** The image, alone or with a map over it. */
interface Panel {
  readonly label: string;
  /** A second line, paler. */
  readonly note?: string;
  readonly map?: PatchMap;
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

const margin = 28;
const gap = 16;
const [headerHeight, titleHeight, labelHeight, sectionGap] = [72, 30, 40, 14];
/** The largest number of panels in a row. */
const maximalColumns = 6;
/** The smallest width of a sheet in pixels, so that the header fits. */
const minimalWidth = 560;
const fontAttribute = html`font-family="DejaVu Sans, Helvetica, Arial, sans-serif"`;

/** One PNG with all sections below each other, with labels, and a legend of the colors at the top. */
export async function drawSheet({ title, subtitle, image, sections }: Sheet): Promise<Buffer> {
  const columns = Math.min(maximalColumns, Math.max(...sections.map(({ panels }) => panels.length)));
  const width = Math.max(minimalWidth, 2 * margin + columns * (image.width + gap) - gap);
  const pictures: { input: Buffer; raw: { width: number; height: number; channels: 3 }; left: number; top: number }[] =
    [];
  const words: Html[] = [...header(title, subtitle, width)];
  let top = margin + headerHeight;
  for (const { title: heading, panels } of sections) {
    words.push(text(heading, margin, top + 16, { size: 14, weight: 600, width: width - 2 * margin }));
    top += titleHeight;
    for (const [k, { label, note = '', map }] of panels.entries()) {
      const left = margin + (k % columns) * (image.width + gap);
      const y = top + Math.floor(k / columns) * (image.height + labelHeight);
      const { data } = map === undefined ? image : overlay(image, map);
      pictures.push({
        input: Buffer.from(data.buffer, data.byteOffset, data.byteLength),
        raw: { width: image.width, height: image.height, channels: 3 },
        left,
        top: y,
      });
      words.push(
        html`<rect x="${left - 0.5}" y="${y - 0.5}" width="${image.width + 1}" height="${image.height + 1}" fill="none" stroke="#d9d9d4"/>`,
        text(label, left, y + image.height + 15, { size: 12, width: image.width }),
        text(note, left, y + image.height + 30, { size: 11, width: image.width, pale: true }),
      );
    }
    top += Math.ceil(panels.length / columns) * (image.height + labelHeight) + sectionGap;
  }
  const height = top - sectionGap + margin - 8;
  const svg = html`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${words}</svg>`;
  return sharp({ create: { width, height, channels: 3, background: '#ffffff' } })
    .composite([...pictures, { input: Buffer.from(svg.text), left: 0, top: 0 }])
    .png({ compressionLevel: 9 })
    .toBuffer();
}

/** The title and, on the right, the legend of the colors. */
function header(title: string, subtitle: string, width: number): Html[] {
  const [bar, steps] = [120, 24];
  const left = width - margin - bar;
  const y = margin + 4;
  return [
    text(title, margin, margin + 14, { size: 18, weight: 700, width: left - 2 * margin }),
    text(subtitle, margin, margin + 38, { size: 12, width: width - 2 * margin, pale: true }),
    ...Array.from({ length: steps }, (_, k) => {
      const color = colorOf(k / (steps - 1))
        .map(Math.round)
        .join(',');
      return html`<rect x="${left + (k * bar) / steps}" y="${y}" width="${bar / steps + 0.5}" height="9" fill="rgb(${color})"/>`;
    }),
    text('low', left, y + 22, { size: 10, width: bar, pale: true }),
    html`<text x="${left + bar}" y="${y + 22}" font-size="10" fill="#6b7078" text-anchor="end" ${fontAttribute}>high</text>`,
  ];
}

interface TextStyle {
  readonly size: number;
  /** Available width in pixels: longer text is cut. */
  readonly width: number;
  readonly weight?: number;
  readonly pale?: boolean;
}

/** A line of text. Its width is estimated: letters are a little wider than half of their height. */
function text(words: string, x: number, y: number, { size, width, weight = 400, pale = false }: TextStyle): Html {
  const letters = Math.floor(width / (size * (weight > 500 ? 0.66 : 0.58)));
  const shown = words.length > letters ? `${words.slice(0, letters - 1)}…` : words;
  return html`<text x="${x}" y="${y}" font-size="${size}" font-weight="${weight}" fill="${pale ? '#6b7078' : '#1d1f23'}" ${fontAttribute}>${shown}</text>`;
}
