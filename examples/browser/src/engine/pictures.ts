/** Reading of images from Arrow datasets in a browser. */
import { type Table, tableFromIPC } from 'apache-arrow';
import type { DataMaterial, SplitFiles } from '../shared/material.ts';

/** Called with the progress of a long task. */
type OnProgress = (done: number, total: number) => void;

/** Images of one size with their captions and labels. */
export interface Pictures {
  readonly count: number;
  /** RGB [count, size, size, 3]. */
  readonly pixels: Uint8Array;
  /** The stored files: PNG, JPEG, ... */
  readonly encoded: readonly Uint8Array<ArrayBuffer>[];
  /** The first caption of each image; '' for none. */
  readonly captions: readonly string[];
  /** Class numbers; -1 if unknown. */
  readonly labels: Int32Array;
}

export interface ReadOptions {
  /** The side of the images, in pixels. */
  readonly size: number;
  /** The largest number of images. They are spread evenly over the splits. */
  readonly most: number;
  readonly onProgress: OnProgress;
}

/** The number of images that are decoded at the same time, on other threads. */
const decodedAtOnce = 64;

/** Reads and decodes images of some splits. @throws if a file cannot be loaded, or a row has no image */
export async function readPictures(
  data: DataMaterial,
  splits: readonly SplitFiles[],
  { size, most, onProgress }: ReadOptions,
): Promise<Pictures> {
  const total = splits.reduce((rows, split) => rows + split.rows, 0);
  const count = Math.min(most, total);
  /** The row of the i-th image, counted over all splits. */
  const rowOf = (i: number): number => Math.floor((i * total) / count);
  const encoded: Uint8Array<ArrayBuffer>[] = [];
  const captions: string[] = [];
  const labels: number[] = [];
  let firstRow = 0;
  for (const url of splits.flatMap(({ urls }) => urls)) {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
    const table = await tableFromIPC(response);
    while (encoded.length < count && rowOf(encoded.length) < firstRow + table.numRows) {
      const row = rowOf(encoded.length) - firstRow;
      encoded.push(bytesAt(table, data.image, row));
      captions.push(data.captions === null ? '' : captionAt(table, data.captions, row));
      labels.push(data.label === null ? -1 : Number(table.getChild(data.label.column)?.get(row) ?? -1));
    }
    firstRow += table.numRows;
  }
  const pixels = new Uint8Array(count * size * size * 3);
  const decoder = new Decoder(size);
  for (let first = 0; first < count; first += decodedAtOnce) {
    onProgress(first, count);
    const part = encoded.slice(first, first + decodedAtOnce);
    for (const [k, rgb] of (await decoder.decode(part)).entries()) pixels.set(rgb, (first + k) * size * size * 3);
  }
  onProgress(count, count);
  return { count, pixels, encoded, captions, labels: Int32Array.from(labels) };
}

/** A copy of the image's bytes, so that the table with all other rows can be freed. */
function bytesAt(table: Table, column: string, row: number): Uint8Array<ArrayBuffer> {
  const { bytes } = (table.getChild(column)?.get(row) ?? {}) as { bytes?: Uint8Array | null };
  if (!bytes) throw new Error(`row ${row}, column ${column}: there is no image`);
  return new Uint8Array(bytes);
}

function captionAt(table: Table, column: string, row: number): string {
  const value: unknown = table.getChild(column)?.get(row);
  if (typeof value === 'string') return value;
  const [first] = (value as Iterable<string> | null) ?? [];
  return first ?? '';
}

/** Decodes with the browser's decoders. The shorter side is resized to `size`, the center is cut out, transparent parts become white. */
class Decoder {
  readonly #size: number;
  readonly #context: OffscreenCanvasRenderingContext2D;

  constructor(size: number) {
    this.#size = size;
    const context = new OffscreenCanvas(size, size).getContext('2d', { willReadFrequently: true });
    if (context === null) throw new Error('this browser has no OffscreenCanvas');
    context.imageSmoothingQuality = 'high';
    this.#context = context;
  }

  async decode(encoded: readonly Uint8Array<ArrayBuffer>[]): Promise<Uint8Array[]> {
    const bitmaps = await Promise.all(encoded.map((bytes) => createImageBitmap(new Blob([bytes]))));
    return bitmaps.map((bitmap) => {
      const pixels = this.#draw(bitmap);
      bitmap.close();
      return pixels;
    });
  }

  #draw(bitmap: ImageBitmap): Uint8Array {
    const size = this.#size;
    const scale = size / Math.min(bitmap.width, bitmap.height);
    const [width, height] = [bitmap.width * scale, bitmap.height * scale];
    this.#context.fillStyle = 'white';
    this.#context.fillRect(0, 0, size, size);
    this.#context.drawImage(bitmap, (size - width) / 2, (size - height) / 2, width, height);
    const rgba = this.#context.getImageData(0, 0, size, size).data;
    const rgb = new Uint8Array(size * size * 3);
    for (let i = 0; i < size * size; i++) rgb.set(rgba.subarray(i * 4, i * 4 + 3), i * 3);
    return rgb;
  }
}
