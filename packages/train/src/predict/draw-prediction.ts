/** What a model says of an image, as pictures: boxes, masks, and reconstructions. */
import { encodePng, ignoredClass, openImage } from '@tessera/data';
import sharp, { type OverlayOptions, type Sharp } from 'sharp';
import { classColor, gray, maskColor } from '../report/draw.ts';
import { type Html, html } from '../report/html.ts';
import { fontAttribute, printable } from '../report/sheet.ts';
import type { ClassMask, ClassShare, FoundObject, Prediction } from './prediction.ts';

/** A picture for the file `NAME` + `ending`. */
export interface DrawnPrediction {
  readonly ending: string;
  readonly png: Buffer;
}

/** Pictures whose longer side is shorter than the first are enlarged, longer than the second are reduced; in pixels. */
const [leastSide, mostSide] = [640, 2048];

/** Sizes of what is drawn, in pixels. */
const [fontSize, lineHeight, stroke] = [14, 20, 3];

/** Letters are a little wider than half of their height. */
const widthOf = (words: string): number => Math.ceil(words.length * fontSize * 0.62) + 8;

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;

const rgb = (color: readonly number[]): string => `rgb(${color.join(',')})`;

const line = (words: string, x: number, y: number, fill: string): Html =>
  html`<text x="${x}" y="${y}" font-size="${fontSize}" fill="${fill}" ${fontAttribute}>${printable(words)}</text>`;

interface Size {
  readonly width: number;
  readonly height: number;
}

/** An image in the size in which it is drawn, on white, and the factor from its pixels to those of the drawing. */
async function canvasOf(bytes: Uint8Array): Promise<Size & { readonly factor: number; readonly pixels: Buffer }> {
  const { data, info } = await openImage(bytes)
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const longer = Math.max(info.width, info.height);
  const factor = longer < leastSide ? Math.ceil(leastSide / longer) : Math.min(1, mostSide / longer);
  const [width, height] = [info.width, info.height].map((side) => Math.max(1, Math.round(side * factor))) as [
    number,
    number,
  ];
  const raw = { width: info.width, height: info.height, channels: info.channels };
  const resized = sharp(data, { raw }).resize({ width, height, kernel: factor > 1 ? 'nearest' : 'lanczos3' });
  return { width, height, factor, pixels: await resized.removeAlpha().raw().toBuffer() };
}

const fromPixels = (pixels: Uint8Array, { width, height }: Size): Sharp =>
  sharp(pixels, { raw: { width, height, channels: 3 } });

const drawing = ({ width, height }: Size, shapes: readonly Html[]): OverlayOptions => ({
  input: Buffer.from(
    html`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${shapes}</svg>`.text,
  ),
  left: 0,
  top: 0,
});

/** A box with its class and probability, above it or, at the upper edge of the picture, inside of it. */
function boxShapes(
  { name, label, probability, box }: FoundObject,
  { width, height, factor }: Size & { readonly factor: number },
): Html[] {
  const [left, top, right, bottom] = box.map((side) => side * factor) as [number, number, number, number];
  const color = rgb(classColor(label));
  const words = `${name} ${percent(probability)}`;
  const wide = Math.min(width, widthOf(words));
  const x = Math.max(0, Math.min(left - stroke / 2, width - wide));
  const y = Math.max(0, Math.min(top >= lineHeight ? top - lineHeight : top, height - lineHeight));
  return [
    html`<rect x="${left}" y="${top}" width="${right - left}" height="${bottom - top}" fill="none" stroke="${color}" stroke-width="${stroke}"/>`,
    html`<rect x="${x}" y="${y}" width="${wide}" height="${lineHeight}" fill="${color}"/>`,
    line(words, x + 4, y + lineHeight - 5, '#000'),
  ];
}

/** The image with the boxes of its objects; the most probable ones are drawn last. */
async function drawObjects(bytes: Uint8Array, objects: readonly FoundObject[]): Promise<Buffer> {
  const canvas = await canvasOf(bytes);
  const shapes = objects.toReversed().flatMap((object) => boxShapes(object, canvas));
  return fromPixels(canvas.pixels, canvas)
    .composite([drawing(canvas, shapes)])
    .removeAlpha()
    .png()
    .toBuffer();
}

/** The classes of the pixels of a whole image, by nearest neighbors: 255 where the mask does not cover it. */
function enlargeMask({ data, width, height, place }: ClassMask): Uint8Array {
  const { box } = place;
  const column = Int32Array.from({ length: place.width }, (_, x) =>
    Math.floor(((x + 0.5 - box.left) / box.width) * width),
  );
  const enlarged = new Uint8Array(place.width * place.height).fill(ignoredClass);
  for (let y = 0, at = 0; y < place.height; y++) {
    const row = Math.floor(((y + 0.5 - box.top) / box.height) * height);
    for (let x = 0; x < place.width; x++, at++) {
      const from = column[x] as number;
      if (row >= 0 && row < height && from >= 0 && from < width) enlarged[at] = data[row * width + from] as number;
    }
  }
  return enlarged;
}

/** Colors of class numbers from 0 to 255. */
const maskPalette = Array.from({ length: 256 }, (_, label) => (label === ignoredClass ? gray : maskColor(label)));

/** Names of classes with their colors and shares, from left to right in as many lines as they need. */
function legendShapes(classes: readonly ClassShare[], width: number, top: number): { shapes: Html[]; height: number } {
  const shapes: Html[] = [];
  let [x, y] = [8, top + 6];
  for (const { name, label, share } of classes) {
    const words = `${name} ${percent(share)}`;
    const wide = 22 + widthOf(words) + 8;
    if (x > 8 && x + wide > width) [x, y] = [8, y + lineHeight];
    shapes.push(
      html`<rect x="${x}" y="${y + 3}" width="14" height="14" fill="${rgb(maskColor(label))}"/>`,
      line(words, x + 20, y + lineHeight - 5, '#000'),
    );
    x += wide;
  }
  return { shapes, height: y + lineHeight + 6 - top };
}

/** The image, half covered by the colors of its mask, above the names of the classes. */
async function drawOverlay(bytes: Uint8Array, mask: ClassMask, classes: readonly ClassShare[]): Promise<Buffer> {
  const { pixels, width, height, factor } = await canvasOf(bytes);
  const { box } = mask.place;
  const scaled = {
    left: box.left * factor,
    top: box.top * factor,
    width: box.width * factor,
    height: box.height * factor,
  };
  const labels = enlargeMask({ ...mask, place: { width, height, box: scaled } });
  for (const [at, label] of labels.entries()) {
    if (label === ignoredClass) continue;
    const color = maskPalette[label] as readonly number[];
    for (let channel = 0; channel < 3; channel++)
      pixels[3 * at + channel] = ((pixels[3 * at + channel] as number) + (color[channel] as number)) / 2;
  }
  const legend = legendShapes(classes, width, height);
  const size = { width, height: height + legend.height };
  return sharp({ create: { ...size, channels: 3, background: '#ffffff' } })
    .composite([{ input: pixels, raw: { width, height, channels: 3 }, left: 0, top: 0 }, drawing(size, legend.shapes)])
    .removeAlpha()
    .png()
    .toBuffer();
}

/**
 * What a model says of an image, as PNG files.
 *
 * - `objects`: the image with a box for each object.
 * - `mask`: the classes of the pixels in the image's size, as indices of a palette (255: not covered); and the image below their colors.
 * - `tokens`: what the codes are decoded to.
 *
 * Other predictions are words: nothing is drawn of them.
 *
 * @param bytes the image's file
 */
export async function drawPrediction(bytes: Uint8Array, prediction: Prediction): Promise<DrawnPrediction[]> {
  switch (prediction.kind) {
    case 'objects':
      return [{ ending: '.boxes.png', png: await drawObjects(bytes, prediction.objects) }];
    case 'mask': {
      const { mask, classes } = prediction;
      const { width, height } = mask.place;
      return [
        { ending: '.mask.png', png: encodePng(enlargeMask(mask), width, height, maskPalette) },
        { ending: '.overlay.png', png: await drawOverlay(bytes, mask, classes) },
      ];
    }
    case 'tokens': {
      const { pixels, width, height } = prediction.reconstruction;
      return [{ ending: '.reconstruction.png', png: encodePng(pixels, width, height, 3) }];
    }
    case 'class':
    case 'tags':
    case 'texts':
    case 'caption':
    case 'answers':
      return [];
    default:
      return prediction satisfies never;
  }
}
