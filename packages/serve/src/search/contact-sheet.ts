/** Found images as a contact sheet: one PNG, each image with its place, its similarity and its name. */
import { openImage } from '@tessera/data';
import sharp, { type OverlayOptions } from 'sharp';
import type { FoundFile } from './read-found.ts';

/** Sizes in pixels. */
const [side, gap, textHeight, headHeight] = [192, 12, 36, 44];

const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

/** The end of a name that is too long to be shown. */
const shortened = (name: string, length = 26): string => (name.length <= length ? name : `…${name.slice(1 - length)}`);

/** What an image is called: its file, or its row. */
export const nameOf = ({ path, split, row }: Pick<FoundFile, 'path' | 'split' | 'row'>): string =>
  path ?? `${split}, row ${row}`;

const label = (image: FoundFile, place: number, left: number, top: number): string =>
  `<text x="${left}" y="${top + 15}" font-weight="600">${place}. ${image.similarity.toFixed(3)}</text>
<text x="${left}" y="${top + 31}" fill="#667">${escaped(shortened(nameOf(image)))}</text>`;

/** A PNG with `columns` images in a row below the query. */
export async function drawContactSheet(query: string, found: readonly FoundFile[], columns = 4): Promise<Buffer> {
  const across = Math.min(columns, Math.max(1, found.length));
  const width = gap + across * (side + gap);
  const cellHeight = side + textHeight + gap;
  const height = headHeight + Math.ceil(found.length / columns) * cellHeight;
  const placeOf = (k: number): { left: number; top: number } => ({
    left: gap + (k % columns) * (side + gap),
    top: headHeight + Math.floor(k / columns) * cellHeight,
  });
  const pictures = await Promise.all(
    found.map(async ({ bytes }, k): Promise<OverlayOptions> => {
      const input = await openImage(bytes)
        .flatten({ background: '#ffffff' })
        .resize({ width: side, height: side, fit: 'contain', background: '#f0f1f4' })
        .png()
        .toBuffer();
      return { input, ...placeOf(k) };
    }),
  );
  const labels = found.map((image, k) => {
    const { left, top } = placeOf(k);
    return label(image, k + 1, left, top + side);
  });
  const texts = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="DejaVu Sans, Arial, sans-serif" font-size="12" fill="#223">
<text x="${gap}" y="28" font-size="16" font-weight="600">${escaped(shortened(query, Math.floor(width / 10)))}</text>
${labels.join('\n')}
</svg>`;
  return sharp({ create: { width, height, channels: 3, background: '#ffffff' } })
    .composite([...pictures, { input: Buffer.from(texts), left: 0, top: 0 }])
    .png()
    .toBuffer();
}
