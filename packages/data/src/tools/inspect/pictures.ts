/** Statistics of pictures: sizes, formats, and those that cannot be read. */
import type { EncodedImage } from '../../arrow/features.ts';
import { type ComparedPicture, comparePicture } from '../../duplicates/picture.ts';
import { imageFormat } from '../../image/format.ts';
import { openImage } from '../../image/open.ts';
import { type Quantiles, quantilesOf } from './quantiles.ts';

export interface PictureStatistics {
  readonly column: string;
  /** The number of pictures of each format, the most frequent first. */
  readonly formats: Readonly<Record<string, number>>;
  /** In pixels, upright. */
  readonly width: Quantiles | null;
  readonly height: Quantiles | null;
  readonly bytes: Quantiles | null;
  /** Rows without a picture. */
  readonly missing: number;
  readonly unreadable: number;
  /** The first pictures that cannot be decoded. */
  readonly problems: readonly { readonly row: number; readonly name: string | null; readonly problem: string }[];
}

const problemsShown = 20;

/** A picture, looked at. */
export interface SeenPicture {
  readonly name: string | null;
  readonly bytes: number;
  readonly format: string;
  readonly size: { readonly width: number; readonly height: number } | null;
  readonly compared: ComparedPicture;
}

/** The bytes and the name of a value of an image column or a binary one; null without bytes. */
export function encodedImage(value: unknown): { bytes: Uint8Array; path: string | null } | null {
  if (value instanceof Uint8Array) return { bytes: value, path: null };
  const image = value as EncodedImage | null | undefined;
  return image?.bytes === undefined || image.bytes === null ? null : { bytes: image.bytes, path: image.path };
}

/** The size in the picture's header, as it is shown upright. */
async function sizeOf(bytes: Uint8Array): Promise<SeenPicture['size']> {
  try {
    const { width, height, autoOrient } = await openImage(bytes).metadata();
    return { width: autoOrient?.width ?? width, height: autoOrient?.height ?? height };
  } catch {
    return null;
  }
}

/** Decodes a picture; null without bytes. */
export async function seePicture(value: unknown): Promise<SeenPicture | null> {
  const image = encodedImage(value);
  if (image === null) return null;
  const { bytes, path } = image;
  const compared = await comparePicture(bytes);
  const size = compared.problem === null ? await sizeOf(bytes) : null;
  return { name: path, bytes: bytes.length, format: imageFormat(bytes) ?? 'unknown', size, compared };
}

/** Counts pictures. */
export class PictureCounter {
  readonly #column: string;
  readonly #formats = new Map<string, number>();
  readonly #widths: number[] = [];
  readonly #heights: number[] = [];
  readonly #bytes: number[] = [];
  readonly #problems: { row: number; name: string | null; problem: string }[] = [];
  #missing = 0;
  #unreadable = 0;

  constructor(column: string) {
    this.#column = column;
  }

  add(row: number, picture: SeenPicture | null): void {
    if (picture === null) {
      this.#missing++;
      return;
    }
    const { name, bytes, format, size, compared } = picture;
    this.#formats.set(format, (this.#formats.get(format) ?? 0) + 1);
    this.#bytes.push(bytes);
    if (size !== null) {
      this.#widths.push(size.width);
      this.#heights.push(size.height);
    }
    if (compared.problem === null) return;
    this.#unreadable++;
    if (this.#problems.length < problemsShown) this.#problems.push({ row, name, problem: compared.problem });
  }

  statistics(): PictureStatistics {
    return {
      column: this.#column,
      formats: Object.fromEntries([...this.#formats].sort(([, a], [, b]) => b - a)),
      width: quantilesOf(this.#widths),
      height: quantilesOf(this.#heights),
      bytes: quantilesOf(this.#bytes),
      missing: this.#missing,
      unreadable: this.#unreadable,
      problems: this.#problems,
    };
  }
}
