/** Draws pictures in a grid with labels below them, as one PNG without a title. */
import sharp from 'sharp';
import { type Picture, paste, plainPicture } from './draw.ts';
import { html } from './html.ts';
import { noteLines, text } from './sheet.ts';

export interface PictureGrid {
  /** Smaller ones are in the center of their places. */
  readonly pictures: readonly Picture[];
  /** One below each picture, in up to three lines; null: none. */
  readonly labels: readonly string[] | null;
  /** Pictures in a row. */
  readonly columns: number;
  /** A text below all of them; empty: none. */
  readonly note: string;
}

const gap = 6;
const lineHeight = 14;
/** The least width of a place with a label. */
const labelWidth = 84;
const labelLines = 3;

export async function drawGrid({ pictures, labels, columns: most, note }: PictureGrid): Promise<Buffer> {
  const columns = Math.min(most, pictures.length);
  const cell = {
    width: Math.max(labels === null ? 0 : labelWidth, ...pictures.map(({ width }) => width)),
    height: Math.max(...pictures.map(({ height }) => height)),
  };
  const lines = labels?.map((label) => noteLines(label, cell.width, labelLines)) ?? [];
  const labelHeight = lineHeight * Math.max(0, ...lines.map(({ length }) => length));
  const rows = Math.ceil(pictures.length / columns);
  const grid = { width: gap + columns * (cell.width + gap), height: gap + rows * (cell.height + labelHeight + gap) };
  const noteOf = noteLines(note, grid.width - 2 * gap, 6);
  const whole = plainPicture(grid.height + noteOf.length * lineHeight, grid.width, [255, 255, 255]);
  const place = (k: number): { left: number; top: number } => ({
    left: gap + (k % columns) * (cell.width + gap),
    top: gap + Math.floor(k / columns) * (cell.height + labelHeight + gap),
  });
  for (const [k, picture] of pictures.entries()) {
    const { left, top } = place(k);
    const inset = [cell.height - picture.height, cell.width - picture.width].map((room) => Math.floor(room / 2));
    paste(whole, picture, top + (inset[0] ?? 0), left + (inset[1] ?? 0));
  }
  const words = [
    ...lines.flatMap((own, k) => {
      const { left, top } = place(k);
      return own.map((words, line) =>
        text(words, left, top + cell.height + (line + 1) * lineHeight - 2, { size: 11, width: cell.width }),
      );
    }),
    ...noteOf.map((words, line) =>
      text(words, gap, grid.height + (line + 1) * lineHeight - 6, {
        size: 11,
        width: grid.width - 2 * gap,
        pale: true,
      }),
    ),
  ];
  const image = sharp(whole.pixels, { raw: { width: whole.width, height: whole.height, channels: 3 } });
  if (words.length > 0) {
    const svg = html`<svg xmlns="http://www.w3.org/2000/svg" width="${whole.width}" height="${whole.height}">${words}</svg>`;
    image.composite([{ input: Buffer.from(svg.text), left: 0, top: 0 }]);
  }
  return image.png({ compressionLevel: 9 }).toBuffer();
}
