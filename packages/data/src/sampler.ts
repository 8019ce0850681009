import fsp from 'node:fs/promises';
import type { EncodedImage } from './arrow/features.ts';
import { openDataset, type Split } from './arrow/reader.ts';
import { type Augmentation, augment, type Pixels } from './augment/index.ts';
import { type CaptionChoice, columnReaders, type FoundColumn, type RowTexts, Unusable } from './columns.ts';
import { type DecodeTarget, decodeImage } from './decode.ts';
import { errorMessage } from './io/file-system.ts';
import { CounterRandom, purpose } from './random.ts';

/** What happens with a row that cannot be used: another row takes its place, it is left out, or the loader stops. */
export type BadRowPolicy = 'replace' | 'drop' | 'error';

/** All that decides what a row looks like in an epoch. Plain data, so that it can be sent to a worker. */
export interface SamplerSpec {
  path: string;
  split: string;
  /** The rows that may stand in for a bad one. Null: all of the split. */
  rows: Uint32Array | null;
  /** The columns that are read, by the name that a batch has for them. At most one is an image. */
  columns: Readonly<Record<string, FoundColumn>>;
  imageSize: number;
  seed: number;
  augment: Augmentation | null;
  badRows: BadRowPolicy;
  /** Bytes of decoded pixels that may be kept. */
  cacheBytes: number;
}

/** A row that could not be used, and why. */
export interface SkippedRow {
  row: number;
  reason: string;
}

/** What a cache of decoded images holds. */
export interface CacheState {
  images: number;
  bytes: number;
}

/** Rows of a batch, ready to be trained on. */
export interface Samples {
  /** Where each row belongs in the batch. */
  slots: Uint32Array;
  /** [rows, size, size, 3], RGB; empty where no image column is read. */
  images: Uint8Array<ArrayBuffer>;
  /** The other columns, collated. */
  columns: Record<string, unknown>;
  indices: Int32Array;
  skipped: SkippedRow[];
  cached: CacheState;
}

/** A usable row: its pixels as augmentation wants them, and the values of the other columns. */
interface Item {
  row: number;
  /** Null where no image column is read. */
  pixels: Pixels | null;
  values: Readonly<Record<string, unknown>>;
}

/** The shorter side of the images that augmentation starts from, in units of the image size: crops lose little by it. */
const workingMargin = 1.125;

/** Images decoded at the same time. Decoding runs in libuv's threads; more would take cores away from the training. */
const decodesAtOnce = 2;

/** Attempts at finding a row that can stand in for a bad one. */
const replacementAttempts = 100;

/** Turns rows of a split into training samples: reads, decodes, caches, augments. The result depends on the spec alone. */
export class Sampler {
  readonly #spec: SamplerSpec;
  readonly #split: Split;
  readonly #target: DecodeTarget;
  readonly #names: string[];
  readonly #image: FoundColumn | null;
  /** The columns but the image, by the name that a batch has for them. */
  readonly #others: readonly (readonly [name: string, column: FoundColumn])[];
  readonly #cache = new Map<number, Item>();
  readonly #bad = new Map<number, string>();
  #cacheBytes = 0;

  constructor(spec: SamplerSpec, split: Split) {
    this.#spec = spec;
    this.#split = split;
    const columns = Object.entries(spec.columns);
    this.#names = columns.map(([, { column }]) => column);
    this.#image = columns.find(([, { kind }]) => kind === 'image')?.[1] ?? null;
    this.#others = columns.filter(([, { kind }]) => kind !== 'image');
    this.#target = spec.augment
      ? { kind: 'working', size: Math.ceil(spec.imageSize * workingMargin) }
      : { kind: 'square', size: spec.imageSize };
  }

  static async open(spec: SamplerSpec): Promise<Sampler> {
    const dataset = await openDataset(spec.path, { splits: [spec.split] });
    return new Sampler(spec, dataset.split(spec.split));
  }

  close(): void {
    this.#split.close();
  }

  /**
   * Makes the samples of some rows of an epoch.
   * @param slots where each row belongs in its batch; carried along.
   */
  async sample(rows: Uint32Array, slots: Uint32Array, epoch: number): Promise<Samples> {
    const skipped: SkippedRow[] = [];
    const items = await this.#items(rows, epoch, skipped);
    const kept = Uint32Array.from(items.keys()).filter((i) => items[i] !== null);
    const { imageSize: size, augment: augmentation, seed } = this.#spec;
    const imageBytes = this.#image === null ? 0 : size * size * 3;
    const images = new Uint8Array(kept.length * imageBytes);
    const values: Record<string, unknown[]> = Object.fromEntries(this.#others.map(([name]) => [name, []]));
    const indices: number[] = [];
    kept.forEach((i, at) => {
      const item = items[i] as Item;
      const row = rows[i] as number;
      if (item.pixels !== null) {
        const out = new Uint8ClampedArray(images.buffer, at * imageBytes, imageBytes);
        if (augmentation) {
          augment(item.pixels, augmentation, size, new CounterRandom(seed, purpose.augment, epoch, row), out);
        } else out.set(item.pixels.data);
      }
      for (const [name, column] of this.#others) {
        const value = item.values[name];
        const random = new CounterRandom(seed, purpose.caption, epoch, row);
        (values[name] as unknown[]).push(
          column.kind === 'texts' ? chooseTexts(value as string[], column, random) : value,
        );
      }
      indices.push(item.row);
    });
    return {
      slots: kept.map((i) => slots[i] as number),
      images,
      columns: Object.fromEntries(
        this.#others.map(([name, { kind }]) => [name, columnReaders[kind].collate(values[name] as unknown[])]),
      ),
      indices: Int32Array.from(indices),
      skipped,
      cached: { images: this.#cache.size, bytes: this.#cacheBytes },
    };
  }

  /** The items of some rows; null for those that are left out. A few are decoded at a time. */
  async #items(rows: Uint32Array, epoch: number, skipped: SkippedRow[]): Promise<(Item | null)[]> {
    const items: (Item | null)[] = new Array(rows.length).fill(null);
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < rows.length) {
        const i = next++;
        const row = rows[i] as number;
        items[i] = this.#cache.get(row) ?? (await this.#usable(row, epoch, skipped));
      }
    };
    await Promise.all(Array.from({ length: decodesAtOnce }, work));
    return items;
  }

  /** The row's item, or that of the row that stands in for it. Which one that is depends on seed, epoch and row alone. */
  async #usable(row: number, epoch: number, skipped: SkippedRow[]): Promise<Item | null> {
    const random = new CounterRandom(this.#spec.seed, purpose.replacement, epoch, row);
    let candidate = row;
    for (let attempt = 0; attempt < replacementAttempts; attempt++) {
      const item = await this.#load(candidate);
      if (typeof item !== 'string') return item;
      if (this.#spec.badRows === 'error') {
        throw new Error(`${this.#spec.path}, split "${this.#spec.split}", row ${candidate}: ${item}`);
      }
      skipped.push({ row: candidate, reason: item });
      if (this.#spec.badRows === 'drop') return null;
      const { rows } = this.#spec;
      candidate = rows ? (rows[random.below(rows.length)] as number) : random.below(this.#split.length);
    }
    throw new Error(
      `${this.#spec.path}, split "${this.#spec.split}": row ${row} and ${replacementAttempts - 1} rows drawn in its place cannot be used; the last one, row ${candidate}: ${this.#bad.get(candidate)}`,
    );
  }

  /** The row's item, or why it cannot be used. */
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

  /** Keeps an item while there is room. Every row comes once an epoch, so what is first kept is as good as what comes later. */
  #keep(item: Item): void {
    const texts = Object.values(item.values)
      .flat()
      .filter((value) => typeof value === 'string');
    const bytes = (item.pixels?.data.byteLength ?? 0) + 256 + texts.reduce((sum, text) => sum + text.length, 0);
    if (this.#cacheBytes + bytes > this.#spec.cacheBytes || this.#cache.has(item.row)) return;
    this.#cache.set(item.row, item);
    this.#cacheBytes += bytes;
  }

  async #read(row: number): Promise<Item | string> {
    const cells = this.#split.row(row, this.#names);
    const values: Record<string, unknown> = {};
    for (const [name, { kind, column }] of this.#others) {
      const value = columnReaders[kind].read(cells[column], row);
      if (value instanceof Unusable) return value.reason;
      values[name] = value;
    }
    if (this.#image === null) return { row, pixels: null, values };
    const encoded = cells[this.#image.column] as EncodedImage | null;
    try {
      const bytes = encoded?.bytes ?? (encoded?.path ? await fsp.readFile(encoded.path) : null);
      if (!bytes || bytes.byteLength === 0) return 'there is no image';
      return { row, pixels: await decodeImage(bytes, this.#target), values };
    } catch (error) {
      return `the image cannot be decoded (${errorMessage(error)})`;
    }
  }
}

/** A row's texts with those that an epoch uses. */
const chooseTexts = (
  all: readonly string[],
  { choice = 'first', count = 1 }: FoundColumn,
  random: CounterRandom,
): RowTexts => ({
  all,
  picked: chooseCaptions(all, choice, count, random),
});

/** Picks a row's first caption. */
function chooseCaption(captions: readonly string[], choice: CaptionChoice, random: CounterRandom): string {
  const [first = '', ...others] = captions;
  if (choice === 'first' || others.length === 0) return first;
  if (choice === 'random') return captions[random.below(captions.length)] as string;
  return random.uniform() < choice.first ? first : (others[random.below(others.length)] as string);
}

/**
 * Picks several captions for a row: the first as `chooseCaption` does, then others at random. None is picked twice before all were
 * picked once.
 */
function chooseCaptions(
  captions: readonly string[],
  choice: CaptionChoice,
  count: number,
  random: CounterRandom,
): string[] {
  const picked: string[] = [];
  let left: string[] = [];
  for (let k = 0; k < count; k++) {
    if (left.length === 0) left = [...captions];
    const caption = k === 0 ? chooseCaption(captions, choice, random) : (left[random.below(left.length)] ?? '');
    picked.push(caption);
    left.splice(left.indexOf(caption), 1);
  }
  return picked;
}
