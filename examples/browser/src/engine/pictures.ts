/** Reads the pictures of Arrow data sets in a browser. */
import { type Table, tableFromIPC } from 'apache-arrow';
import type { DataMaterial, SplitFiles } from '../shared/material.ts';

/** Told how far a long task is. */
type OnProgress = (done: number, total: number) => void;

/** Pictures of one size with what is known about them, row by row. */
export interface Pictures {
  readonly count: number;
  /** RGB [count, size, size, 3]. */
  readonly pixels: Uint8Array;
  /** As they were stored: PNG, JPEG, ... */
  readonly encoded: readonly Uint8Array<ArrayBuffer>[];
  /** The first caption of each; '' where there is none. */
  readonly captions: readonly string[];
  /** Class numbers, -1 where unknown. */
  readonly labels: Int32Array;
}

export interface ReadOptions {
  /** Side of the pictures, in pixels. */
  readonly size: number;
  /** At most so many, evenly spread over the splits. */
  readonly most: number;
  readonly onProgress: OnProgress;
}

/** Pictures decoded at once: decoding happens on other threads. */
const decodedAtOnce = 64;

export async function readPictures(
  data: DataMaterial,
  splits: readonly SplitFiles[],
  { size, most, onProgress }: ReadOptions,
): Promise<Pictures> {
  const total = splits.reduce((rows, split) => rows + split.rows, 0);
  const count = Math.min(most, total);
  const wanted = Array.from({ length: count }, (_, i) => Math.floor((i * total) / count));
  const encoded: Uint8Array<ArrayBuffer>[] = [];
  const captions: string[] = [];
  const labels: number[] = [];
  let firstRow = 0;
  let next = 0;
  for (const url of splits.flatMap(({ urls }) => urls)) {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
    const table = await tableFromIPC(response);
    for (; next < count && (wanted[next] as number) < firstRow + table.numRows; next++) {
      const row = (wanted[next] as number) - firstRow;
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

/** A copy: the table's buffers, with all that is not wanted, can then be given back. */
function bytesAt(table: Table, column: string, row: number): Uint8Array<ArrayBuffer> {
  const { bytes } = (table.getChild(column)?.get(row) ?? {}) as { bytes?: Uint8Array | null };
  if (!bytes) throw new Error(`row ${row}, column ${column}: holds no picture`);
  return new Uint8Array(bytes);
}

function captionAt(table: Table, column: string, row: number): string {
  const value: unknown = table.getChild(column)?.get(row);
  if (typeof value === 'string') return value;
  const [first] = (value as Iterable<string> | null) ?? [];
  return first ?? '';
}

/** Decodes with the browser's own decoders: the shorter side to `size`, the centre cut out, transparent parts white. */
class Decoder {
  readonly #size: number;
  readonly #context: OffscreenCanvasRenderingContext2D;

  constructor(size: number) {
    this.#size = size;
    const context = new OffscreenCanvas(size, size).getContext('2d', { willReadFrequently: true });
    if (context === null) throw new Error('this browser has no canvas off the screen');
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
