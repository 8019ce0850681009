/** Draws pictures of one size with labels below them, in sections, as one PNG. */
import sharp from 'sharp';
import { type Html, html } from './html.ts';

/** A picture with its label. */
export interface SheetPanel {
  /** RGB, u8 [height, width, 3] of the sheet's cell; null: an empty place. */
  readonly pixels: Uint8Array | null;
  readonly label: string;
  /** Lines below the label, paler. */
  readonly notes: readonly string[];
}

export interface PanelSheet {
  readonly title: string;
  readonly subtitle: string;
  /** SVG at the right of the title, for a sheet of some width. */
  readonly legend?: { readonly width: number; draw(right: number, top: number): Html[] };
  readonly cell: { readonly width: number; readonly height: number };
  /** The largest number of panels in a row. */
  readonly columns: number;
  readonly sections: readonly { readonly title: string; readonly panels: readonly SheetPanel[] }[];
}

const margin = 28;
const gap = 16;
const [headerHeight, titleHeight, lineHeight, sectionGap] = [72, 30, 15, 14];
/** The smallest width of a sheet in pixels, so that the header fits. */
const minimalWidth = 560;
export const fontAttribute = html`font-family="DejaVu Sans, Helvetica, Arial, sans-serif"`;

/** One PNG with all sections below each other. */
export async function drawPanels({
  title,
  subtitle,
  legend,
  cell,
  columns: most,
  sections,
}: PanelSheet): Promise<Buffer> {
  const columns = Math.min(most, Math.max(1, ...sections.map(({ panels }) => panels.length)));
  const width = Math.max(minimalWidth, 2 * margin + columns * (cell.width + gap) - gap);
  const lines = Math.max(1, ...sections.flatMap(({ panels }) => panels.map(({ notes }) => notes.length)));
  const labelHeight = 25 + lines * lineHeight;
  const pictures: { input: Buffer; raw: { width: number; height: number; channels: 3 }; left: number; top: number }[] =
    [];
  const titleWidth = width - 2 * margin - (legend === undefined ? 0 : legend.width + margin);
  const words: Html[] = [
    text(title, margin, margin + 14, { size: 18, weight: 700, width: titleWidth }),
    text(subtitle, margin, margin + 38, { size: 12, width: width - 2 * margin, pale: true }),
    ...(legend?.draw(width - margin, margin + 4) ?? []),
  ];
  let top = margin + headerHeight;
  for (const { title: heading, panels } of sections) {
    words.push(text(heading, margin, top + 16, { size: 14, weight: 600, width: width - 2 * margin }));
    top += titleHeight;
    for (const [k, { pixels, label, notes }] of panels.entries()) {
      const left = margin + (k % columns) * (cell.width + gap);
      const y = top + Math.floor(k / columns) * (cell.height + labelHeight);
      if (pixels !== null)
        pictures.push({
          input: Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength),
          raw: { width: cell.width, height: cell.height, channels: 3 },
          left,
          top: y,
        });
      words.push(
        html`<rect x="${left - 0.5}" y="${y - 0.5}" width="${cell.width + 1}" height="${cell.height + 1}" fill="none" stroke="#d9d9d4"/>`,
        text(label, left, y + cell.height + lineHeight, { size: 12, width: cell.width }),
        ...notes.map((note, line) =>
          text(note, left, y + cell.height + (line + 2) * lineHeight, { size: 11, width: cell.width, pale: true }),
        ),
      );
    }
    top += Math.ceil(panels.length / columns) * (cell.height + labelHeight) + sectionGap;
  }
  const height = top - sectionGap + margin - 8;
  const svg = html`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${words}</svg>`;
  return sharp({ create: { width, height, channels: 3, background: '#ffffff' } })
    .composite([...pictures, { input: Buffer.from(svg.text), left: 0, top: 0 }])
    .png({ compressionLevel: 9 })
    .toBuffer();
}

interface TextStyle {
  readonly size: number;
  /** Available width in pixels: longer text is cut. */
  readonly width: number;
  readonly weight?: number;
  readonly pale?: boolean;
}

/** A text without the characters that XML cannot hold, which would make the whole drawing unreadable. */
export const printable = (words: string): string => words.replace(/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, ' ');

/** The number of letters that fit; the width is estimated: letters are a little wider than half of their height. */
const lettersIn = (width: number, size: number, weight = 400): number =>
  Math.floor(width / (size * (weight > 500 ? 0.66 : 0.58)));

/** A line of text. */
export function text(
  words: string,
  x: number,
  y: number,
  { size, width, weight = 400, pale = false }: TextStyle,
): Html {
  const letters = lettersIn(width, size, weight);
  const line = printable(words);
  const shown = line.length > letters ? `${line.slice(0, letters - 1)}…` : line;
  return html`<text x="${x}" y="${y}" font-size="${size}" font-weight="${weight}" fill="${pale ? '#6b7078' : '#1d1f23'}" ${fontAttribute}>${shown}</text>`;
}

/** A text as lines for the notes of panels of some width, at most `most`; the last one ends with dots if there is more. */
export function noteLines(words: string, width: number, most: number): string[] {
  const letters = lettersIn(width, 11);
  const lines: string[] = [];
  for (const word of printable(words)
    .split(/\s+/)
    .filter((each) => each !== '')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= letters) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  if (lines.length <= most) return lines;
  return [...lines.slice(0, most - 1), lines.slice(most - 1).join(' ')];
}
