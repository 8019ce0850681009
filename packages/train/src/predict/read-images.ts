/** Images from files or memory to what a model sees of them. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { decodeImage, deliveredBox, imageSize } from '@tessera/data';
import { errorMessage, readProblem } from '@tessera/data/io';
import type { ImagePlace, ImageView } from './prediction.ts';

/**
 * A path, a file: URL, or the bytes of an image file (PNG, JPEG, WebP, GIF, AVIF, TIFF, SVG, BMP, PBM, PGM, PPM), alone or with a name for
 * messages about it.
 */
export type ImageSource = string | URL | Uint8Array | { readonly bytes: Uint8Array; readonly name: string };

/** What a model sees of an image. */
export interface SeenImage {
  /** u8 [height, width, 3] of the view. */
  readonly pixels: Uint8Array;
  readonly place: ImagePlace;
}

/** Images that are decoded at the same time. */
const decodesAtOnce = 2;

function titleOf(source: ImageSource, index: number): string {
  if (source instanceof Uint8Array) return `image ${index}`;
  if (source instanceof URL) return fileURLToPath(source);
  return typeof source === 'string' ? source : source.name;
}

/** @throws where a file cannot be read */
async function bytesOf(source: ImageSource, title: string): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source;
  if (typeof source !== 'string' && !(source instanceof URL)) return source.bytes;
  return readFile(source).catch((error: unknown) => {
    throw new Error(`${title}: ${readProblem(error)}`, { cause: error });
  });
}

async function placeOf(bytes: Uint8Array, view: ImageView): Promise<ImagePlace> {
  const { upright } = await imageSize(bytes);
  const [fit, size] = view.kind === 'square' ? (['center', view.size] as const) : (['whole', 0] as const);
  return { ...upright, box: deliveredBox(upright, fit, size) };
}

/** @throws where the image cannot be read or decoded; the message names it */
async function readImage(source: ImageSource, index: number, view: ImageView): Promise<SeenImage> {
  const title = titleOf(source, index);
  const bytes = await bytesOf(source, title);
  try {
    return { pixels: (await decodeImage(bytes, view)).data, place: await placeOf(bytes, view) };
  } catch (error) {
    throw new Error(`${title}: cannot be decoded as an image (${errorMessage(error)})`, { cause: error });
  }
}

/**
 * Reads images as evaluation does: upright, on white, resized (bicubic, antialiased). An image that cannot be read or decoded is a
 * rejected result, whose reason names it.
 */
export async function readImages(
  sources: readonly ImageSource[],
  view: ImageView,
): Promise<PromiseSettledResult<SeenImage>[]> {
  const results: PromiseSettledResult<SeenImage>[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < sources.length) {
      const index = next++;
      const [result] = await Promise.allSettled([readImage(sources[index] as ImageSource, index, view)]);
      results[index] = result;
    }
  };
  await Promise.all(Array.from({ length: decodesAtOnce }, work));
  return results;
}

/** The pixels of images one after the other. */
export function joinPixels(images: readonly SeenImage[]): Uint8Array {
  const joined = new Uint8Array(images.reduce((length, { pixels }) => length + pixels.length, 0));
  let at = 0;
  for (const { pixels } of images) {
    joined.set(pixels, at);
    at += pixels.length;
  }
  return joined;
}
