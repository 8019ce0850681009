/** The data loader: batches of a split in the order of an epoch, prepared in advance. */

import type { Augmentation, Fit } from '../augment/index.ts';
import type { Split } from '../dataset/split.ts';
import { permutation } from '../random.ts';
import {
  type BatchColumns,
  type ColumnNames,
  type ColumnRequests,
  type FoundColumn,
  resolveColumns,
} from './columns.ts';
import { inlineSource, type SampleSource, workerSource } from './pool.ts';
import type { BadRowPolicy, CacheState, SamplerSpec, Samples, SkippedRow } from './sampler.ts';
import { isSceneKind } from './scene.ts';
import { weightedOrder } from './weighted-order.ts';

/** A batch of rows of a split. */
export interface Batch<Requests extends ColumnRequests = ColumnRequests> {
  /** The number of rows. */
  readonly size: number;
  /** The numbers of the rows in the split. */
  readonly indices: Int32Array;
  /** The requested columns, under the names of the request; null for a missing optional column. */
  readonly columns: BatchColumns<Requests>;
}

export interface LoaderOptions<Requests extends ColumnRequests = ColumnRequests> {
  /** The columns to read, each under its name in a batch; see `usualColumns`. At most one is an image. */
  columns: Requests;
  batchSize: number;
  /** The side of the square images, in pixels. */
  imageSize: number;
  /** The seed of order, augmentation and captions. Default 0. */
  seed?: number;
  /** Whether each epoch has a new random order. Default false. */
  shuffle?: boolean;
  /**
   * Draws the rows of each epoch with replacement, each with a chance in proportion to its weight: one weight for each row that is used.
   * An epoch has as many rows as without weights. Default null: each row once.
   */
  weights?: ArrayLike<number> | null;
  /** Whether to leave out the last batch if it is not full. Default: the value of `shuffle`. */
  dropLast?: boolean;
  /** Default null: resize and center crop, as for evaluation. */
  augment?: Augmentation | null;
  /** Which part of an image is delivered where `augment` chooses none. Default: the center square, as CLIP evaluates. */
  fit?: Fit;
  /** The number of worker threads that decode and augment; 0: this thread. Default 1. */
  workers?: number;
  /** The number of batches that are prepared in advance. Default 2. */
  prefetch?: number;
  /** Whether an image that cannot be decoded, or an empty caption, is an error. Default false: see `badRows`. */
  strict?: boolean;
  /**
   * Without `strict`: whether an unusable row is replaced by another one, so that batches stay full, or left out. Both are counted in
   * `stats`. Default: replaced with `shuffle`, otherwise left out.
   */
  badRows?: 'replace' | 'drop';
  /** Use only these rows. Default: all. */
  rows?: ArrayLike<number>;
  /** The share of one process: every `count`-th row of the epoch's order, starting at `index`. All shares have the same number of batches. */
  shard?: { index: number; count: number };
  /** The size of the cache of decoded images in bytes, which is kept between epochs. Default 256 MiB. */
  cacheBytes?: number;
}

/** The position of a loader: the next batch. */
export interface LoaderState {
  epoch: number;
  batchIndex: number;
}

export interface LoaderStats {
  /** The number of rows returned. */
  rows: number;
  /** The number of different rows that could not be used. */
  skipped: number;
  /** The first of these rows, with reasons. */
  examples: SkippedRow[];
  /** The content of the caches of decoded images. */
  cached: CacheState;
}

const examplesKept = 20;

const positive = (name: string, value: number, least = 1): number => {
  if (!Number.isInteger(value) || value < least) {
    throw new RangeError(`data loader: ${name} must be an integer of at least ${least}, not ${value}`);
  }
  return value;
};

/**
 * Returns the rows of a split in batches: shuffled, decoded and augmented in worker threads, some batches in advance.
 *
 * Every random choice depends only on (seed, epoch, row), or with weights on (seed, epoch, place). The number of workers, their timing, and the batch at which an epoch is resumed
 * do not change a single pixel.
 *
 * ```ts
 * const { image, label } = usualColumns;
 * const columns = { image, label };
 * const loader = new DataLoader(dataset.split('train'), { columns, batchSize: 128, imageSize: 64, shuffle: true });
 * for await (const batch of loader.epoch(0)) ...
 * ```
 */
export class DataLoader<Requests extends ColumnRequests = ColumnRequests> {
  readonly split: Split;
  /** The names of the requested columns in the dataset. */
  readonly columns: ColumnNames<Requests>;
  readonly batchSize: number;
  readonly imageSize: number;
  /** The number of batches per epoch. */
  readonly length: number;
  readonly #options: LoaderOptions<Requests>;
  readonly #seed: number;
  readonly #rows: Uint32Array;
  /** The number of rows of this shard. */
  readonly #count: number;
  readonly #source: SampleSource;
  readonly #skipped = new Set<number>();
  readonly #examples: SkippedRow[] = [];
  #handedOut = 0;
  #state: LoaderState = { epoch: 0, batchIndex: 0 };

  /** @throws for invalid options, and for columns that are missing or of the wrong kind */
  constructor(split: Split, options: LoaderOptions<Requests>) {
    const title = `${split.path}, split "${split.name}"`;
    const { shuffle = false } = options;
    this.split = split;
    this.batchSize = positive('batchSize', options.batchSize);
    this.imageSize = positive('imageSize', options.imageSize);
    const found = resolveColumns(split.features, options.columns, title);
    this.columns = mapValues(found, (column) => column?.column ?? null) as ColumnNames<Requests>;
    this.#options = options;
    this.#seed = options.seed ?? 0;
    this.#rows = options.rows
      ? Uint32Array.from(options.rows, (row) => checkRow(row, split.length, title))
      : Uint32Array.from({ length: split.length }, (_, i) => i);
    if (this.#rows.length === 0) throw new Error(`${title}: has no rows to load`);
    const { weights = null } = options;
    if (weights !== null && weights.length !== this.#rows.length)
      throw new RangeError(`${title}: ${weights.length} weights, but ${this.#rows.length} rows: expected one for each`);
    if (weights !== null && !shuffle)
      throw new RangeError('data loader: weights need shuffle: true, because rows are drawn in a random order');
    const { index, count } = options.shard ?? { index: 0, count: 1 };
    positive('shard.count', count);
    if (positive('shard.index', index, 0) >= count)
      throw new RangeError(`data loader: shard.index is ${index}; expected less than shard.count, ${count}`);
    this.#count = Math.floor(this.#rows.length / count);
    const dropLast = options.dropLast ?? shuffle;
    this.length = (dropLast ? Math.floor : Math.ceil)(this.#count / this.batchSize);
    if (this.length === 0) {
      throw new Error(
        `${title}: ${this.#count} rows do not fill one batch of ${this.batchSize}; choose a smaller batch`,
      );
    }
    const badRows: BadRowPolicy = options.strict ? 'error' : (options.badRows ?? (shuffle ? 'replace' : 'drop'));
    const spec: SamplerSpec = {
      place: split.place,
      rows: options.rows ? this.#rows : null,
      columns: checkScene(readColumns(found, shuffle), options.augment ?? null),
      imageSize: this.imageSize,
      seed: this.#seed,
      augment: options.augment ?? null,
      fit: options.fit ?? 'center',
      badRows,
      cacheBytes: options.cacheBytes ?? 256 * 2 ** 20,
    };
    const workers = positive('workers', options.workers ?? 1, 0);
    this.#source = workers === 0 ? inlineSource(spec) : workerSource(spec, workers);
  }

  /** The position of the next batch: `epoch(state.epoch, { startBatch: state.batchIndex })` continues there. */
  state(): LoaderState {
    return { ...this.#state };
  }

  get stats(): LoaderStats {
    return {
      rows: this.#handedOut,
      skipped: this.#skipped.size,
      examples: [...this.#examples],
      cached: this.#source.cached,
    };
  }

  /** The rows of an epoch in order, before unusable ones are replaced. */
  order(epoch: number): Uint32Array {
    const { shuffle = false, weights = null } = this.#options;
    const places = (): Uint32Array =>
      weights === null ? permutation(this.#rows.length, this.#seed, epoch) : weightedOrder(weights, this.#seed, epoch);
    const all = shuffle ? places().map((i) => this.#rows[i] as number) : this.#rows;
    const { index, count } = this.#options.shard ?? { index: 0, count: 1 };
    return count === 1 ? all : Uint32Array.from({ length: this.#count }, (_, i) => all[i * count + index] as number);
  }

  /**
   * The batches of an epoch, starting at `startBatch`. The loop can be left early.
   * @throws with `strict` for a row that cannot be used; for a dataset that became unreadable
   */
  async *epoch(
    epoch: number,
    { startBatch = 0 }: { startBatch?: number } = {},
  ): AsyncGenerator<Batch<Requests>, void, undefined> {
    positive('epoch', epoch, 0);
    positive('startBatch', startBatch, 0);
    const order = this.order(epoch);
    const ahead: Promise<Batch<Requests>>[] = [];
    const depth = positive('prefetch', this.#options.prefetch ?? 2, 0) + 1;
    this.#state = this.#stateAt(epoch, startBatch);
    for (let next = startBatch, done = startBatch; done < this.length; done++) {
      while (next < this.length && ahead.length < depth) {
        const places = { from: next * this.batchSize, to: (next + 1) * this.batchSize };
        const batch = this.#make(order.slice(places.from, places.to), this.#streams(order, places), epoch);
        // The error is thrown when the batch is awaited; if the loop was left, it must not count as unhandled.
        batch.catch(() => undefined);
        ahead.push(batch);
        next++;
      }
      const batch = await (ahead.shift() as Promise<Batch<Requests>>);
      this.#state = this.#stateAt(epoch, done + 1);
      if (batch.size === 0) continue;
      this.#handedOut += batch.size;
      yield batch;
    }
  }

  /** Ends the workers. */
  async close(): Promise<void> {
    await this.#source.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #stateAt(epoch: number, batchIndex: number): LoaderState {
    return batchIndex >= this.length ? { epoch: epoch + 1, batchIndex: 0 } : { epoch, batchIndex };
  }

  /**
   * What distinguishes the random numbers of the rows at some places of an epoch: the row, or the place where an epoch can have a row
   * several times, so that each time is augmented differently.
   */
  #streams(order: Uint32Array, { from, to }: { from: number; to: number }): Uint32Array {
    const { weights = null, shard = { index: 0, count: 1 } } = this.#options;
    if (weights === null) return order.slice(from, to);
    const places = Math.min(to, order.length) - from;
    return Uint32Array.from({ length: places }, (_, i) => (from + i) * shard.count + shard.index);
  }

  async #make(rows: Uint32Array, streams: Uint32Array, epoch: number): Promise<Batch<Requests>> {
    const parts = await this.#source.sample(rows, streams, epoch);
    for (const skipped of parts.flatMap((part) => part.skipped)) {
      if (!this.#skipped.has(skipped.row) && this.#examples.length < examplesKept) this.#examples.push(skipped);
      this.#skipped.add(skipped.row);
    }
    return assemble(parts, this.#options.columns, this.imageSize * this.imageSize * 3);
  }
}

function checkRow(row: number, length: number, title: string): number {
  if (Number.isInteger(row) && row >= 0 && row < length) return row;
  throw new RangeError(`${title}: row ${row} is not one of its ${length} rows`);
}

const mapValues = <T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));

/** The columns that were found, with the defaults for texts, which depend on the order. */
function readColumns(
  found: Readonly<Record<string, FoundColumn | null>>,
  shuffle: boolean,
): Record<string, FoundColumn> {
  const present = Object.entries(found).flatMap(([name, column]) => (column === null ? [] : [[name, column] as const]));
  const images = present.filter(([, { kind }]) => kind === 'image');
  if (images.length > 1)
    throw new Error(
      `data loader: at most one image column can be read, not ${images.map(([name]) => name).join(' and ')}`,
    );
  return Object.fromEntries(
    present.map(([name, column]) => [
      name,
      {
        ...column,
        choice: column.choice ?? (shuffle ? 'random' : 'first'),
        weighted: column.weighted ?? shuffle,
        count: positive(`columns.${name}.count`, column.count ?? 1),
      },
    ]),
  );
}

/** @throws where boxes or masks cannot follow their picture */
function checkScene(
  columns: Record<string, FoundColumn>,
  augmentation: Augmentation | null,
): Record<string, FoundColumn> {
  const followers = Object.entries(columns).filter(([, { kind }]) => isSceneKind(kind));
  const [first] = followers;
  if (first === undefined) return columns;
  const names = followers.map(([name]) => name).join(' and ');
  if (!Object.values(columns).some(({ kind }) => kind === 'image'))
    throw new Error(`data loader: ${names} can only be read with the image that they belong to`);
  if (augmentation?.policy)
    throw new Error(
      `data loader: the augmentation policy ${augmentation.policy.kind} moves pixels, and ${names} would not follow; choose an augmentation without policy`,
    );
  return columns;
}

/** Joins the parts of a batch. A single part is used as it is, without a copy. */
function assemble<Requests extends ColumnRequests>(
  parts: readonly Samples[],
  requests: Requests,
  imageBytes: number,
): Batch<Requests> {
  const [only] = parts;
  const whole = parts.length === 1 && only ? only : join(parts, imageBytes);
  const columns = Object.entries(requests).map(([name, { kind }]) => [
    name,
    kind === 'image' ? whole.images : (whole.columns[name] ?? null),
  ]);
  const { indices } = whole;
  return { size: indices.length, indices, columns: Object.fromEntries(columns) };
}

/** Joins the parts in the order of their slots. */
function join(parts: readonly Samples[], imageBytes: number): Pick<Samples, 'images' | 'columns' | 'indices'> {
  const places = parts
    .flatMap((part) => Array.from(part.slots, (slot, i) => ({ part, slot, i })))
    .sort((a, b) => a.slot - b.slot);
  const hasImages = parts.some(({ images }) => images.length > 0);
  const images = new Uint8Array(hasImages ? places.length * imageBytes : 0);
  if (hasImages)
    places.forEach(({ part, i }, at) => {
      images.set(part.images.subarray(i * imageBytes, (i + 1) * imageBytes), at * imageBytes);
    });
  const gather = (valuesOf: (part: Samples) => ArrayLike<unknown>): unknown[] =>
    places.map(({ part, i }) => valuesOf(part)[i]);
  const columns = Object.entries(parts[0]?.columns ?? {}).map(([name, values]) => {
    const gathered = gather((part) => part.columns[name] as ArrayLike<unknown>);
    return [name, values instanceof Int32Array ? Int32Array.from(gathered as number[]) : gathered];
  });
  return {
    images,
    columns: Object.fromEntries(columns),
    indices: Int32Array.from(gather((part) => part.indices) as number[]),
  };
}
