/** Which files of a folder can be decoded, found out without decoding those that look complete. */
import fs, { promises as fsp } from 'node:fs';
import { decodeImage } from '../image/decode.ts';
import { imageFormat } from '../image/format.ts';
import { openImage } from '../image/open.ts';
import { errorMessage } from '../io/file-system.ts';

/** Decodes an image once, as in training. @throws if its bytes are not a complete image of a reasonable size */
export async function checkDecodes(bytes: Uint8Array): Promise<void> {
  await openImage(bytes).metadata();
  await decodeImage(bytes, { kind: 'working', size: 64 });
}

/** Why an image cannot be used, in words. */
export const undecodable = (error: unknown): string => `cannot be decoded (${errorMessage(error)})`;

/** Whether a file has the end that its format asks for. The end of other formats tells nothing. */
const ends: Readonly<Record<string, (head: Uint8Array, tail: Uint8Array, size: number) => boolean>> = {
  jpeg: (_, tail) => tail.at(-2) === 0xff && tail.at(-1) === 0xd9,
  png: (_, tail) => [0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82].every((byte, k) => tail.at(k - 8) === byte),
  gif: (_, tail) => tail.at(-1) === 0x3b,
  webp: (head, _, size) => new DataView(head.buffer).getUint32(4, true) + 8 === size,
};

const [headBytes, tailBytes] = [64, 8];

/** Whether a file begins and ends as a complete image does. @throws where it cannot be read */
function looksComplete(file: string, size: number): boolean {
  if (size < headBytes) return false;
  const fd = fs.openSync(file, 'r');
  try {
    const [head, tail] = [new Uint8Array(headBytes), new Uint8Array(tailBytes)];
    fs.readSync(fd, head, 0, headBytes, 0);
    const isComplete = ends[imageFormat(head) ?? ''];
    if (isComplete === undefined) return false;
    fs.readSync(fd, tail, 0, tailBytes, size - tailBytes);
    return isComplete(head, tail, size);
  } finally {
    fs.closeSync(fd);
  }
}

/** The size and the time of the last change of an image file, or why it cannot be used. */
export type CheckedImage = { readonly size: number; readonly modified: number } | string;

/** Looks at an image file, and decodes it where it does not begin and end as a complete one. */
export async function checkImageFile(file: string): Promise<CheckedImage> {
  try {
    const { size, mtimeMs: modified } = fs.statSync(file);
    if (!looksComplete(file, size)) await checkDecodes(await fsp.readFile(file));
    return { size, modified };
  } catch (error) {
    return undecodable(error);
  }
}
