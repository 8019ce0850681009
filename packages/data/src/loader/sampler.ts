/** Rows to training samples: reading, decoding, caching, augmentation. It runs in the loader's workers. */
import fsp from 'node:fs/promises';
import type { EncodedImage } from '../arrow/features.ts';
import { type Augmentation, augment, type Fit, type Pixels } from '../augment/index.ts';
import { resizedOnly } from '../augment/placement.ts';
import { reopenSplit } from '../dataset/dataset.ts';
import type { Split, SplitPlace } from '../dataset/split.ts';
import { DamagedRowsError, type Row } from '../format/shard.ts';
import { type DecodeTarget, decodeImage, deliveredBox } from '../image/decode.ts';
import { imageSize } from '../image/open.ts';
import { errorMessage } from '../io/file-system.ts';
import { CounterRandom, purpose } from '../random.ts';
import { columnReaders, type FoundColumn, Unusable } from './columns.ts';
import { ReadAhead } from './read-ahead.ts';
import { isSceneKind, placeAll, readScene, type Scene, type SceneKind, unplacedAll } from './scene.ts';
import { pickTexts, type TextGroup, type TextPicking } from './texts.ts';

/** What happens to a row that cannot be used: another row replaces it, it is left out, or the loader throws. */
export type BadRowPolicy = 'replace' | 'drop' | 'error';

/** Everything that determines the sample of a row in an epoch. Plain data, so that it can be sent to a worker. */
export interface SamplerSpec {
  place: SplitPlace;
  /** The rows that can replace an unusable one. Null: all rows of the split. */
  rows: Uint32Array | null;
  /** The columns to read, by their names in a batch. At most one is an image. */
  columns: Readonly<Record<string, FoundColumn>>;
  imageSize: number;
  seed: number;
  augment: Augmentation | null;
  /** Which part of an image is delivered where augmentation chooses none. */
  fit: Fit;
  badRows: BadRowPolicy;
  /** The size of the cache of decoded images, in bytes. */
  cacheBytes: number;
  /** The size of the blocks that are kept in memory, in bytes. */
  blockBytes: number;
  /** The size of the blocks that are read before they are used, in bytes, at most. */
  readAheadBytes: number;
  /** Whether an unusable row is replaced by one near it, so that no other block needs to be read. */
  replaceNear: boolean;
  /** The number of rows of each source, one after the other; null: there is one. A row is replaced by one of its own source. */
  parts?: readonly number[] | null;
}

/** Rows of a batch. */
export interface SampledRows {
  rows: Uint32Array;
  /** What distinguishes the random numbers of each row from those of the others in its epoch. */
  streams: Uint32Array;
  /** The position of each row in the batch, which is returned with it. */
  slots: Uint32Array;
}

/** A row that could not be used, and why. */
export interface SkippedRow {
  row: number;
  reason: string;
}

/** The content of a cache of decoded images. */
export interface CacheState {
  images: number;
  bytes: number;
}

/** Rows of a batch, ready to be trained on. */
export interface Samples {
  /** The position of each row in the batch. */
  slots: Uint32Array;
  /** [rows, size, size, 3], RGB; empty if no image column is read. */
  images: Uint8Array<ArrayBuffer>;
  /** The other columns, collated. */
  columns: Record<string, unknown>;
  indices: Int32Array;
  skipped: SkippedRow[];
  cached: CacheState;
}

/** The values of a usable row except its pixels. */
interface Sample {
  readonly row: number;
  readonly values: Readonly<Record<string, unknown>>;
}

/** A usable row, with its pixels for augmentation. */
interface Item extends Sample {
  /** Null if no image column is read. */
  readonly pixels: Pixels | null;
  /** What follows the picture; null if nothing does. */
  readonly scene: Scene | null;
}

/** The shorter side of the images before an affine map, relative to the image size. The margin keeps them sharp. */
const workingMargin = 1.125;

/** The pixels from which a sample is made. */
function decodeTarget({ augment: augmentation, fit, imageSize }: SamplerSpec): DecodeTarget {
  if (augmentation === null) return { kind: fit === 'whole' ? 'whole' : 'square', size: imageSize };
  if (augmentation.affine) return { kind: 'working', size: Math.ceil(imageSize * workingMargin) };
  return { kind: 'large', size: imageSize };
}

/** The number of images that are decoded at the same time, in libuv's threads. More would take cores from the training. */
const decodesAtOnce = 2;

/** The number of attempts to find a usable row for an unusable one. */
const replacementAttempts = 100;

/** The number of neighboring rows among which a replacement is looked for first, and the attempts before there are twice as many. */
const [nearRows, attemptsInGroup] = [256, 4];

/** Produces the training samples of rows of a split. The result depends only on the spec. */
export class Sampler {
  readonly #spec: SamplerSpec;
  readonly #opened: Split;
  readonly #split: Split;
  readonly #target: DecodeTarget;
  readonly #names: string[];
  readonly #image: FoundColumn | null;
  /** The columns except the image, by their names in a batch. */
  readonly #others: readonly (readonly [name: string, column: FoundColumn])[];
  readonly #readAhead: ReadAhead | null;
  /** The columns that follow the picture, by their names in a batch. */
  readonly #sceneKinds: readonly (readonly [name: string, kind: SceneKind])[];
  readonly #cache = new Map<number, Item>();
  readonly #bad = new Map<number, string>();
  #cacheBytes = 0;

  /** @param opened has the files, and is closed with the sampler @param split its rows that are used */
  constructor(spec: SamplerSpec, opened: Split, split: Split) {
    this.#spec = spec;
    this.#opened = opened;
    this.#split = split;
    const columns = Object.entries(spec.columns);
    this.#names = columns.map(([, { column }]) => column);
    this.#image = columns.find(([, { kind }]) => kind === 'image')?.[1] ?? null;
    this.#others = columns.filter(([, { kind }]) => kind !== 'image');
    this.#readAhead =
      spec.readAheadBytes > 0 ? new ReadAhead(split, { columns: this.#names, bytes: spec.readAheadBytes }) : null;
    this.#sceneKinds = this.#others.flatMap(([name, { kind }]) => (isSceneKind(kind) ? [[name, kind] as const] : []));
    this.#target = decodeTarget(spec);
  }

  static async open(spec: SamplerSpec): Promise<Sampler> {
    const { stored, split } = await reopenSplit(spec.place, spec.blockBytes);
    return new Sampler(spec, stored, split);
  }

  close(): void {
    this.#opened.close();
  }

  /** Tells which rows come next, so that their blocks can be read. */
  expect(rows: Uint32Array, restart: boolean): void {
    this.#readAhead?.expect(rows, restart);
  }

  /** Produces the samples of some rows of an epoch. */
  async sample({ rows, streams, slots }: SampledRows, epoch: number): Promise<Samples> {
    const skipped: SkippedRow[] = [];
    this.#readAhead?.use(rows);
    const { imageSize: size, augment: augmentation, fit, seed } = this.#spec;
    const imageBytes = this.#image === null ? 0 : size * size * 3;
    const images = new Uint8Array(rows.length * imageBytes);
    // Each image is augmented when it is decoded, while others are being decoded.
    const items = await this.#items(rows, streams, epoch, skipped, ({ row, pixels, values, scene }, i) => {
      let placement = scene === null ? null : resizedOnly(deliveredBox(scene.image, fit, size));
      if (pixels !== null) {
        const out = new Uint8ClampedArray(images.buffer, i * imageBytes, imageBytes);
        if (augmentation) {
          const random = new CounterRandom(seed, purpose.augment, epoch, streams[i]);
          placement = augment(pixels, augmentation, size, random, out, fit);
        } else out.set(pixels.data);
      }
      return {
        row,
        values:
          scene === null || placement === null
            ? unplacedAll(values, this.#sceneKinds)
            : placeAll(values, scene, placement, size),
      };
    });
    this.#readAhead?.used(rows);
    const kept = Uint32Array.from(items.keys()).filter((i) => items[i] !== null);
    const values: Record<string, unknown[]> = Object.fromEntries(this.#others.map(([name]) => [name, []]));
    const indices: number[] = [];
    kept.forEach((i, at) => {
      const item = items[i] as Sample;
      const stream = streams[i] as number;
      // Rows that are left out leave no gap.
      if (at < i) images.copyWithin(at * imageBytes, i * imageBytes, (i + 1) * imageBytes);
      for (const [name, column] of this.#others) {
        const value = item.values[name];
        const random = new CounterRandom(seed, purpose.caption, epoch, stream);
        (values[name] as unknown[]).push(
          column.kind === 'texts' ? pickTexts(value as TextGroup[], pickingOf(column), random) : value,
        );
      }
      indices.push(item.row);
    });
    return {
      slots: kept.map((i) => slots[i] as number),
      images: kept.length < rows.length ? images.slice(0, kept.length * imageBytes) : images,
      columns: Object.fromEntries(
        this.#others.map(([name, { kind }]) => [name, columnReaders[kind].collate(values[name] as unknown[])]),
      ),
      indices: Int32Array.from(indices),
      skipped,
      cached: { images: this.#cache.size, bytes: this.#cacheBytes },
    };
  }

  /** What `finish` makes of some rows; null for rows that are left out. */
  async #items(
    rows: Uint32Array,
    streams: Uint32Array,
    epoch: number,
    skipped: SkippedRow[],
    finish: (item: Item, i: number) => Sample,
  ): Promise<(Sample | null)[]> {
    const items: (Sample | null)[] = new Array(rows.length).fill(null);
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < rows.length) {
        const i = next++;
        const row = rows[i] as number;
        const random = new CounterRandom(this.#spec.seed, purpose.replacement, epoch, streams[i]);
        const item = this.#cache.get(row) ?? (await this.#usable(row, random, skipped));
        if (item !== null) items[i] = finish(item, i);
      }
    };
    await Promise.all(Array.from({ length: decodesAtOnce }, work));
    return items;
  }

  /** The item of a row, or of the row that replaces it, which depends only on `random`. */
  async #usable(row: number, random: CounterRandom, skipped: SkippedRow[]): Promise<Item | null> {
    let candidate = row;
    for (let attempt = 0; attempt < replacementAttempts; attempt++) {
      const item = await this.#load(candidate);
      if (typeof item !== 'string') return item;
      if (this.#spec.badRows === 'error') {
        throw new Error(`${this.#spec.place.path}, split "${this.#spec.place.split}", row ${candidate}: ${item}`);
      }
      skipped.push({ row: candidate, reason: item });
      if (this.#spec.badRows === 'drop') return null;
      candidate = this.#replacement(row, attempt, random);
    }
    throw new Error(
      `${this.#spec.place.path}, split "${this.#spec.place.split}": ran out of readable rows: row ${row} and ${replacementAttempts - 1} replacements cannot be used; the last one, row ${candidate}: ${this.#bad.get(candidate)}`,
    );
  }

  /** A row that may replace another one. Near it, from a group of rows that grows from attempt to attempt, or any row. */
  #replacement(row: number, attempt: number, random: CounterRandom): number {
    const { rows, replaceNear, parts } = this.#spec;
    if (rows !== null) return rows[random.below(rows.length)] as number;
    const { start, length } = partOf(row, parts ?? [this.#split.length]);
    if (!replaceNear) return start + random.below(length);
    const group = Math.min(length, nearRows * 2 ** Math.floor(attempt / attemptsInGroup));
    const first = Math.min(length - group, Math.floor((row - start) / group) * group);
    return start + first + random.below(group);
  }

  /** The item of a row, or why it cannot be used. */
  async #load(row: number): Promise<Item | string> {
    const cached = this.#cache.get(row);
    if (cached) return cached;
    const known = this.#bad.get(row);
    if (known !== undefined) return known;
    const item = await this.#read(row);
    if (typeof item === 'string') this.#bad.set(row, item);
    else this.#keep(item);
    return item;
  }

  /** Caches an item if there is room. Without weights every row is used once per epoch, so it does not matter which ones are cached. */
  #keep(item: Item): void {
    const texts = this.#others.flatMap(([name, { kind }]) =>
      kind === 'texts' ? (item.values[name] as TextGroup[]).flatMap((group) => group.texts) : [],
    );
    const bytes =
      (item.pixels?.data.byteLength ?? 0) +
      (item.scene?.bytes ?? 0) +
      256 +
      texts.reduce((sum, text) => sum + text.length, 0);
    if (this.#cacheBytes + bytes > this.#spec.cacheBytes || this.#cache.has(item.row)) return;
    this.#cache.set(item.row, item);
    this.#cacheBytes += bytes;
  }

  /** The cells of a row, or why its part of the file cannot be used. @throws for a file that cannot be read now */
  async #cells(row: number): Promise<Row | string> {
    try {
      return await this.#split.row(row, this.#names);
    } catch (error) {
      if (error instanceof DamagedRowsError) return error.message;
      throw error;
    }
  }

  /** What follows the picture, or why the row cannot be used. */
  async #scene(values: Readonly<Record<string, unknown>>, bytes: Uint8Array, pixels: Pixels): Promise<Scene | string> {
    const { upright } = await imageSize(bytes);
    const followers = this.#sceneKinds.map(([name, kind]) => ({ name, kind, value: values[name] }));
    return readScene(followers, upright, this.#spec.augment === null ? upright : pixels);
  }

  async #read(row: number): Promise<Item | string> {
    const cells = await this.#cells(row);
    if (typeof cells === 'string') return cells;
    const values: Record<string, unknown> = {};
    for (const [name, column] of this.#others) {
      const value = columnReaders[column.kind].read(cells[column.column], row, column);
      if (value instanceof Unusable) return value.reason;
      values[name] = value;
    }
    if (this.#image === null) return { row, pixels: null, values, scene: null };
    const stored = cells[this.#image.column] as EncodedImage | Uint8Array | null;
    const encoded = stored instanceof Uint8Array ? { bytes: stored, path: null } : stored;
    try {
      const bytes = encoded?.bytes ?? (encoded?.path ? await fsp.readFile(encoded.path) : null);
      if (!bytes || bytes.byteLength === 0) return 'there is no image';
      const pixels = await decodeImage(bytes, this.#target);
      const scene = this.#sceneKinds.length > 0 ? await this.#scene(values, bytes, pixels) : null;
      return typeof scene === 'string' ? scene : { row, pixels, values, scene };
    } catch (error) {
      return `the image cannot be decoded (${errorMessage(error)})`;
    }
  }
}

const pickingOf = ({ choice = 'first', count = 1, weighted = false }: FoundColumn): TextPicking => ({
  choice,
  count,
  weighted,
});

/** The source that a row is of: its first row, and their number. */
function partOf(row: number, parts: readonly number[]): { start: number; length: number } {
  let start = 0;
  for (const length of parts) {
    if (row < start + length) return { start, length };
    start += length;
  }
  throw new RangeError(`row ${row} is not one of ${start} rows`);
}
