/** Images from files or memory to what a model sees: the square in their center, in the model's size. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { decodeImage } from '@tessera/data';
import { errorMessage, readProblem } from '@tessera/data/io';

/** A path, a file: URL, or the bytes of an image file (PNG, JPEG, WebP, GIF, AVIF, TIFF, SVG, BMP, PBM, PGM, PPM). */
export type ImageSource = string | URL | Uint8Array;

/** Images that are decoded at the same time. */
const decodesAtOnce = 2;

const titleOf = (source: ImageSource, place: number): string =>
  source instanceof Uint8Array ? `image ${place}` : source instanceof URL ? fileURLToPath(source) : source;

/** The pixels of one image, u8 [size, size, 3]. @throws where it cannot be read or decoded; the message names it */
async function readImage(source: ImageSource, place: number, size: number): Promise<Uint8Array> {
  const title = titleOf(source, place);
  const bytes =
    source instanceof Uint8Array
      ? source
      : await readFile(source).catch((error: unknown) => {
          throw new Error(`${title}: ${readProblem(error)}`, { cause: error });
        });
  try {
    return (await decodeImage(bytes, { kind: 'square', size })).data;
  } catch (error) {
    throw new Error(`${title}: cannot be decoded as an image (${errorMessage(error)})`, { cause: error });
  }
}

/**
 * Reads images as evaluation does: upright, on white, the shorter side resized to `size` pixels (bicubic, antialiased), and the square
 * in the center cut out.
 *
 * @returns u8 [N, size, size, 3], RGB, row-major
 * @throws for the first image that cannot be read or decoded
 */
export async function readImages(sources: readonly ImageSource[], size: number): Promise<Uint8Array> {
  const bytes = size * size * 3;
  const pixels = new Uint8Array(sources.length * bytes);
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < sources.length) {
      const place = next++;
      pixels.set(await readImage(sources[place] as ImageSource, place, size), place * bytes);
    }
  };
  await Promise.all(Array.from({ length: decodesAtOnce }, work));
  return pixels;
}
