/** The example data of `tessera init --example`: drawings of shapes with captions, the same ones every time. */
import { promises as fs } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import type { ProjectTask } from './task.ts';

const colors = {
  red: '#d62828',
  orange: '#f08c00',
  green: '#2b8a3e',
  blue: '#1864ab',
  purple: '#7b2cbf',
  black: '#212529',
} as const;

/** Drawings in a square from -1 to 1. */
const shapes = {
  circle: '<circle r="1"/>',
  square: '<rect x="-0.9" y="-0.9" width="1.8" height="1.8"/>',
  triangle: '<path d="M0-1 0.95 0.8H-0.95z"/>',
  star: '<path d="M0-1 0.24-0.31 0.95-0.31 0.38 0.12 0.59 0.81 0 0.4-0.59 0.81-0.38 0.12-0.95-0.31-0.24-0.31z"/>',
  cross: '<path d="M-0.3-1H0.3V-0.3H1V0.3H0.3V1H-0.3V0.3H-1V-0.3H-0.3z"/>',
} as const;

const backgrounds = { white: '#ffffff', gray: '#ced4da', yellow: '#fff3bf', pink: '#fcd5e5' } as const;

const side = 64;
/** Drawings of each shape in each color. */
const copies = 10;

export interface ExampleImage {
  /** Path below the folder of the images. */
  readonly path: string;
  readonly caption: string;
  readonly svg: string;
}

/** A number from 0 to 1 that looks random and depends only on `index` and `stream` (the finalizer of MurmurHash3). */
function scattered(index: number, stream: number): number {
  let h = Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}

/** All 300 images: five shapes in six colors, ten of each, which differ in size, place, angle and background. */
export function exampleImages(task: ProjectTask): ExampleImage[] {
  const kinds = Object.entries(shapes).flatMap(([shape, drawing]) =>
    Object.entries(colors).flatMap(([color, fill]) =>
      Array.from({ length: copies }, (_, copy) => ({ shape, drawing, color, fill, copy })),
    ),
  );
  return kinds.map(({ shape, drawing, color, fill, copy }, index) => {
    const small = copy % 2 === 0;
    const radius = (small ? 9 : 19) + 4 * scattered(index, 0);
    const place = (stream: number): string => (radius + scattered(index, stream) * (side - 2 * radius)).toFixed(1);
    const names = Object.keys(backgrounds) as (keyof typeof backgrounds)[];
    const background = names[Math.floor(scattered(index, 3) * names.length)] ?? 'white';
    const turn = `rotate(${(30 * scattered(index, 4) - 15).toFixed(1)})`;
    const file = `${color}-${shape}-${copy}.png`;
    return {
      path: task === 'classify' ? `${shape}/${file}` : file,
      caption: `a ${small ? 'small' : 'large'} ${color} ${shape} on ${background}`,
      svg:
        `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}">` +
        `<rect width="${side}" height="${side}" fill="${backgrounds[background]}"/>` +
        `<g fill="${fill}" transform="translate(${place(1)} ${place(2)}) scale(${radius.toFixed(1)}) ${turn}">${drawing}</g></svg>`,
    };
  });
}

/** Draws the images into a folder that has none yet; with captions, also their table. @returns the number of images */
export async function writeExample(folder: string, task: ProjectTask): Promise<number> {
  const images = exampleImages(task);
  const folders = new Set(images.map(({ path }) => dirname(join(folder, path))));
  for (const path of folders) await fs.mkdir(path, { recursive: true });
  for (const { path, svg } of images) await sharp(Buffer.from(svg)).png().toFile(join(folder, path));
  if (task === 'contrastive') {
    const rows = images.map(({ path, caption }) => `${path},${caption}\n`);
    await fs.writeFile(join(folder, 'captions.csv'), `image,caption\n${rows.join('')}`, { flag: 'wx' });
  }
  return images.length;
}
