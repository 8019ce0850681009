/** Found images as a contact sheet: one PNG, each image with its place, its similarity and its name. */
import { openImage } from '@tessera/data';
import { drawPanels, type SheetPanel } from '@tessera/train/report';
import type { FoundFile } from './read-found.ts';

/** Side of the square in which an image is shown, in pixels. */
const side = 192;

/** The end of a name that is too long to be shown. */
const shortened = (name: string, length = 28): string => (name.length <= length ? name : `…${name.slice(1 - length)}`);

/** What an image is called: its file, or its row. */
export const nameOf = ({ path, split, row }: Pick<FoundFile, 'path' | 'split' | 'row'>): string =>
  path ?? `${split}, row ${row}`;

async function panelOf(image: FoundFile, place: number): Promise<SheetPanel> {
  const pixels = await openImage(image.bytes)
    .flatten({ background: '#ffffff' })
    .resize({ width: side, height: side, fit: 'contain', background: '#f0f1f4' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer();
  return { pixels, label: `${place}. ${image.similarity.toFixed(3)}`, notes: [shortened(nameOf(image))] };
}

/** A PNG with `columns` images in a row below the query. */
export const drawContactSheet = async (query: string, found: readonly FoundFile[], columns = 4): Promise<Buffer> =>
  drawPanels({
    title: query,
    subtitle: 'The number is the cosine of the features of image and query.',
    cell: { width: side, height: side },
    columns,
    sections: [
      {
        title: `The ${found.length === 1 ? 'nearest image' : `${found.length} nearest images`}`,
        panels: await Promise.all(found.map((image, k) => panelOf(image, k + 1))),
      },
    ],
  });
