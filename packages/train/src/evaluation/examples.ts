/** Reads examples for evaluation: in order, resized, center-cropped, and not augmented. */
import {
  type Batch,
  type ColumnRequest,
  type ColumnRequests,
  DataLoader,
  permutation,
  type SkippedRow,
  type Split,
} from '@tessera/data';
import { elementAt } from './element-at.ts';

/** How a split is read. */
export interface ReadOptions<Requests extends ColumnRequests = ColumnRequests> {
  readonly imageSize: number;
  readonly batchSize: number;
  readonly columns: Requests;
  readonly strict: boolean;
  readonly workers: number;
  /** The largest number of examples, evenly spread over the split; null: all. */
  readonly limit: number | null;
  /** Whether examples are read in a fixed shuffled order, for splits that may be sorted. Default: in the split's order. */
  readonly mixed?: boolean;
  /** When aborted, reading stops with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** At most `limit` of the numbers 0 ... length - 1, evenly spread. */
export function spread(length: number, limit: number | null): number[] {
  const kept = limit === null ? length : Math.min(length, limit);
  return Array.from({ length: kept }, (_, i) => Math.floor((i * length) / kept));
}

/** Passes each batch of a split to `use`. Returns the number of rows that could not be used, and the first of them with reasons. */
export async function readExamples<Requests extends ColumnRequests>(
  split: Split,
  options: ReadOptions<Requests>,
  use: (batch: Batch<Requests>) => Promise<void>,
): Promise<{ skipped: number; examples: readonly SkippedRow[] }> {
  const { imageSize, batchSize, columns, strict, workers, limit, mixed = false, signal } = options;
  const chosen = spread(split.length, limit);
  const rows = mixed ? Array.from(permutation(chosen.length, 0, 0), (place) => elementAt(chosen, place)) : chosen;
  const loader = new DataLoader(split, { imageSize, batchSize, columns, strict, workers, rows, cacheBytes: 0 });
  try {
    for await (const batch of loader.epoch(0)) {
      signal?.throwIfAborted();
      await use(batch);
    }
    const { skipped, examples } = loader.stats;
    return { skipped, examples };
  } finally {
    await loader.close();
  }
}

/** The column that pictures are read from, and their size. */
export interface PictureOptions {
  readonly imageSize: number;
  readonly image: ColumnRequest<'image'>;
}

/** The pixels of some rows, u8 [imageSize, imageSize, 3] each, by row number. */
export async function readPictures(
  split: Split,
  rows: Iterable<number>,
  { imageSize, image }: PictureOptions,
): Promise<Map<number, Uint8Array>> {
  const wanted = [...new Set(rows)];
  const pictures = new Map<number, Uint8Array>();
  if (wanted.length === 0) return pictures;
  const options = { columns: { image }, imageSize, batchSize: 64, rows: wanted, workers: 0, cacheBytes: 0 };
  const loader = new DataLoader(split, options);
  const bytes = imageSize * imageSize * 3;
  try {
    for await (const { columns, indices } of loader.epoch(0))
      for (const [k, row] of indices.entries()) pictures.set(row, columns.image.slice(k * bytes, (k + 1) * bytes));
  } finally {
    await loader.close();
  }
  return pictures;
}

/** A picture that was read. @throws where it was not among the rows */
export function pictureOf(pictures: ReadonlyMap<number, Uint8Array>, row: number): Uint8Array {
  const picture = pictures.get(row);
  if (picture === undefined) throw new Error(`the picture of row ${row} was not read`);
  return picture;
}
