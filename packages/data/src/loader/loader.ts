/** The data loader: batches of a split in the order of an epoch, prepared in advance. */

import type { Augmentation, Fit } from '../augment/index.ts';
import type { Split } from '../dataset/split.ts';
import {
  createOrder,
  type MixturePart,
  mixtureOrder,
  type Order,
  type OrderOptions,
  sequentialOrder,
} from '../order/index.ts';
import { weightedOrder } from '../order/weighted.ts';
import {
  type BatchColumns,
  type ColumnNames,
  type ColumnRequests,
  type FoundColumn,
  resolveColumns,
} from './columns.ts';
import { planReading, type ReadingPlan } from './memory.ts';
import { type BatchRows, batchPlaces, type Shard } from './places.ts';
import { inlineSource, type SampleSource, workerSource } from './pool.ts';
import type { BadRowPolicy, CacheState, SamplerSpec, Samples, SkippedRow } from './sampler.ts';
import { isSceneKind } from './scene.ts';

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
  /** With `shuffle`: how. `parts`: the rows are those of several sources, one after the other. Default: see `OrderOptions`. */
  order?: Omit<OrderOptions, 'seed' | 'direct'> & { readonly parts?: readonly MixturePart[] };
  /**
   * Draws the rows of each epoch with replacement, each with a chance in proportion to its weight: one weight for each row that is used.
   * An epoch has as many rows as without weights. Default null: each row once.
   */
  weights?: ArrayLike<number> | null;
  /** Whether to leave out the last batch if it is not full. Default: the value of `shuffle`. */
  dropLast?: boolean;
  /** Default null: resize and center crop, as for evaluation. */
  augment?: Augmentation | null;
  /**
   * Which part of an image is delivered where `augment` chooses none. Default: the center square, as CLIP evaluates; the whole image where
   * its objects or its mask are read, since they may be anywhere in it.
   */
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
  shard?: Shard;
  /** The size of the parts of files that are read in advance, at most, over all workers. Default 128 MiB. */
  readAheadBytes?: number;
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
  /** The order of the rows of all shards. Its rows are places in the rows that are used. */
  readonly order: Order;
  /** What is kept of the files. */
  readonly reading: ReadingPlan;
  readonly #places: (epoch: number, from: number, to: number) => BatchRows;
  /** The number of rows of an epoch of this shard. */
  readonly #count: number;
  readonly #aheadCount: number;
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
    const rows = options.rows ?? null;
    for (let i = 0; i < (rows?.length ?? 0); i++) checkRow(rows?.[i] as number, split.length, title);
    const used = rows?.length ?? split.length;
    if (used === 0) throw new Error(`${title}: has no rows to load`);
    if (split.length > mostRows)
      throw new RangeError(`${title}: has ${split.length} rows; at most ${mostRows} can be used`);
    this.order = makeOrder(options, rows === null ? split.parts : null, used, split.direct, title);
    const shard = options.shard ?? { index: 0, count: 1 };
    positive('shard.count', shard.count);
    if (positive('shard.index', shard.index, 0) >= shard.count)
      throw new RangeError(
        `data loader: shard.index is ${shard.index}; expected less than shard.count, ${shard.count}`,
      );
    this.#count = Math.floor(this.order.length / shard.count);
    const dropLast = options.dropLast ?? shuffle;
    this.length = (dropLast ? Math.floor : Math.ceil)(this.#count / this.batchSize);
    if (this.length === 0) {
      throw new Error(
        `${title}: ${this.#count} rows do not fill one batch of ${this.batchSize}; choose a smaller batch`,
      );
    }
    const badRows: BadRowPolicy = options.strict ? 'error' : (options.badRows ?? (shuffle ? 'replace' : 'drop'));
    const workers = positive('workers', options.workers ?? 1, 0);
    const { readAheadBytes = 128 * 2 ** 20 } = options;
    this.reading = planReading({ split, order: this.order, rows: used, readAheadBytes, workers });
    this.#aheadCount = Math.ceil(this.reading.readAheadRows / shard.count);
    this.#places = batchPlaces({ split, order: this.order, rows, shard, workers });
    const spec: SamplerSpec = {
      place: split.place,
      rows: rows === null ? null : Uint32Array.from(rows),
      columns: checkScene(readColumns(found, shuffle), options.augment ?? null),
      imageSize: this.imageSize,
      seed: options.seed ?? 0,
      augment: options.augment ?? null,
      fit:
        options.fit ??
        (Object.values(found).some((each) => each !== null && isSceneKind(each.kind)) ? 'whole' : 'center'),
      badRows,
      cacheBytes: options.cacheBytes ?? 256 * 2 ** 20,
      blockBytes: this.reading.cacheBytes,
      readAheadBytes: this.reading.readAheadBytes,
      replaceNear: shuffle && this.order.locality !== null,
      parts: rows === null ? (split.parts?.map((part) => part.rows) ?? null) : null,
    };
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
    const told = this.#aheadOf(epoch, startBatch);
    const ahead: Promise<Batch<Requests>>[] = [];
    const depth = positive('prefetch', this.#options.prefetch ?? 2, 0) + 1;
    this.#state = this.#stateAt(epoch, startBatch);
    for (let next = startBatch, done = startBatch; done < this.length; done++) {
      while (next < this.length && ahead.length < depth) {
        const from = next * this.batchSize;
        const batch = this.#make(this.#places(epoch, from, Math.min(this.#count, from + this.batchSize)), epoch);
        // The error is thrown when the batch is awaited; if the loop was left, it must not count as unhandled.
        batch.catch(() => undefined);
        ahead.push(batch);
        next++;
      }
      const batch = await (ahead.shift() as Promise<Batch<Requests>>);
      // After the first batch, which should not wait for others.
      told.tell(next * this.batchSize);
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

  /** Tells the workers which rows come after those that they were asked for. An epoch of training is followed by the next one. */
  #aheadOf(epoch: number, startBatch: number): { tell(asked: number): void } {
    const end = this.length * this.batchSize;
    const continues = this.#state.epoch === epoch && this.#state.batchIndex === startBatch;
    let restart = !continues;
    let next = startBatch * this.batchSize;
    return {
      tell: (asked) => {
        const last = asked + this.#aheadCount;
        if (this.#aheadCount === 0) return;
        for (next = Math.max(next, asked); next < last; restart = false) {
          const of = next < end ? { epoch, from: next } : { epoch: epoch + 1, from: next - end };
          if (of.epoch > epoch && this.#options.shuffle !== true) return;
          const to = Math.min(of.from + last - next, of.epoch === epoch ? end : this.#count, this.#count);
          if (to <= of.from) return;
          this.#source.expect(this.#places(of.epoch, of.from, to), restart);
          next += to - of.from;
        }
      },
    };
  }

  async #make(rows: BatchRows, epoch: number): Promise<Batch<Requests>> {
    const parts = await this.#source.sample(rows, epoch);
    for (const skipped of parts.flatMap((part) => part.skipped)) {
      if (!this.#skipped.has(skipped.row) && this.#examples.length < examplesKept) this.#examples.push(skipped);
      this.#skipped.add(skipped.row);
    }
    return assemble(parts, this.#options.columns, this.imageSize * this.imageSize * 3);
  }
}

/** The numbers of rows in batches are 32 bits long. */
const mostRows = 2 ** 31 - 1;

/** The order of the rows that are used. */
function makeOrder<Requests extends ColumnRequests>(
  { shuffle = false, weights = null, seed = 0, order = {} }: LoaderOptions<Requests>,
  sources: readonly MixturePart[] | null,
  rows: number,
  direct: boolean,
  title: string,
): Order {
  if (weights !== null && weights.length !== rows)
    throw new RangeError(`${title}: ${weights.length} weights, but ${rows} rows: expected one for each`);
  if (weights !== null && !shuffle)
    throw new RangeError('data loader: weights need shuffle: true, because rows are drawn in a random order');
  if (!shuffle) return sequentialOrder(rows);
  if (weights !== null) return weightedOrder(weights, seed);
  const { parts = sources, ...options } = order;
  if (parts === null) return createOrder(rows, { ...options, seed, direct });
  const total = parts.reduce((sum, part) => sum + part.rows, 0);
  if (total !== rows) throw new RangeError(`${title}: its sources have ${total} rows, but ${rows} rows are used`);
  return mixtureOrder(parts, { ...options, seed, direct });
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
