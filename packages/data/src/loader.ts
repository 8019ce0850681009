import type { Split } from './arrow/reader.ts';
import type { Augmentation } from './augment/index.ts';
import { type Columns, resolveColumns } from './columns.ts';
import { inlineSource, type SampleSource, workerSource } from './pool.ts';
import { permutation } from './random.ts';
import type { BadRowPolicy, CacheState, CaptionChoice, SamplerSpec, Samples, SkippedRow } from './sampler.ts';

/** One batch, on its way into the model. */
export interface Batch {
  /** [size, imageSize, imageSize, 3]: RGB, 0 to 255. */
  images: Uint8Array;
  /** All captions of each row; empty lists where the dataset has none. */
  captions: string[][];
  /** The caption of each row that was picked for this epoch; empty where there is none. */
  caption: string[];
  /** All captions of each row that were picked for this epoch, `captionsPerImage` each; `caption` has the first. */
  picked: string[][];
  /** Class numbers, -1 where unknown. */
  labels: Int32Array;
  /** Rows with equal numbers show the same thing and are no negatives of each other. */
  concepts: Int32Array;
  /** Row numbers in the dataset. */
  indices: Int32Array;
  size: number;
}

export interface LoaderOptions {
  batchSize: number;
  /** Side of the square images, in pixels. */
  imageSize: number;
  /** Decides order, augmentation and captions. Default 0. */
  seed?: number;
  /** A new order in each epoch. Default false. */
  shuffle?: boolean;
  /** Leave out the last batch if it is not full. Default: as `shuffle`. */
  dropLast?: boolean;
  /** Null, the default: evaluation's resize and centre crop. */
  augment?: Augmentation | null;
  /** Worker threads that decode and augment; 0 works in this thread. Default 1. */
  workers?: number;
  /** Batches made ahead. Default 2. */
  prefetch?: number;
  /** An image that cannot be decoded, or an empty caption, is an error that names the row. Default false: see `badRows`. */
  strict?: boolean;
  /**
   * Without `strict`: whether another row stands in for a bad one, so that batches stay full, or it is left out. Both are
   * counted in `stats`. Default: replaced when `shuffle` is on, otherwise left out.
   */
  badRows?: 'replace' | 'drop';
  /** Default: `random` when `shuffle` is on, otherwise `first`. */
  captionChoice?: CaptionChoice;
  /** How many captions are picked for each row and epoch. Default 1. */
  captionsPerImage?: number;
  /** Columns by name, null for none; what is left out is found by the usual names. */
  columns?: Partial<Columns>;
  /** Only these rows. Default: all. */
  rows?: ArrayLike<number>;
  /** Every `count`-th row of the epoch's order, from the `index`-th on: one process's share. All shares have equally many batches. */
  shard?: { index: number; count: number };
  /** Bytes of decoded pixels that are kept from epoch to epoch. Default 256 MiB. */
  cacheBytes?: number;
}

/** Where a loader stands: the next batch to hand out. */
export interface LoaderState {
  epoch: number;
  batchIndex: number;
}

export interface LoaderStats {
  /** Rows handed out. */
  rows: number;
  /** Different rows that could not be used. */
  skipped: number;
  /** The first of them, with reasons. */
  examples: SkippedRow[];
  /** What the caches of decoded images hold. */
  cached: CacheState;
}

const examplesKept = 20;

const positive = (name: string, value: number, least = 1): number => {
  if (!Number.isInteger(value) || value < least) {
    throw new RangeError(`data loader: ${name} must be a whole number of at least ${least}, not ${value}`);
  }
  return value;
};

/**
 * Hands out a split's rows in batches: shuffled, decoded and augmented off this thread, some batches ahead.
 *
 * Everything random follows from (seed, epoch, row): the number of workers, their timing and where an epoch was resumed make
 * no difference to a single pixel.
 *
 * ```ts
 * const loader = new DataLoader(dataset.split('train'), { batchSize: 128, imageSize: 64, shuffle: true });
 * for await (const batch of loader.epoch(0)) ...
 * ```
 */
export class DataLoader {
  readonly split: Split;
  readonly columns: Columns;
  readonly batchSize: number;
  readonly imageSize: number;
  /** Batches of an epoch. */
  readonly length: number;
  readonly #options: LoaderOptions;
  readonly #seed: number;
  readonly #rows: Uint32Array;
  /** Rows of this shard. */
  readonly #count: number;
  readonly #source: SampleSource;
  readonly #skipped = new Set<number>();
  readonly #examples: SkippedRow[] = [];
  #handedOut = 0;
  #state: LoaderState = { epoch: 0, batchIndex: 0 };

  /** @throws for options and columns that make no sense. */
  constructor(split: Split, options: LoaderOptions) {
    const title = `${split.path}, split "${split.name}"`;
    const { shuffle = false } = options;
    this.split = split;
    this.batchSize = positive('batchSize', options.batchSize);
    this.imageSize = positive('imageSize', options.imageSize);
    this.columns = resolveColumns(split.features, options.columns ?? {}, title);
    this.#options = options;
    this.#seed = options.seed ?? 0;
    this.#rows = options.rows
      ? Uint32Array.from(options.rows, (row) => checkRow(row, split.length, title))
      : Uint32Array.from({ length: split.length }, (_, i) => i);
    if (this.#rows.length === 0) throw new Error(`${title}: has no rows to load`);
    const { index, count } = options.shard ?? { index: 0, count: 1 };
    positive('shard.count', count);
    if (positive('shard.index', index, 0) >= count) throw new RangeError(`data loader: shard ${index} of ${count}`);
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
      path: split.path,
      split: split.name,
      rows: options.rows ? this.#rows : null,
      columns: this.columns,
      imageSize: this.imageSize,
      seed: this.#seed,
      augment: options.augment ?? null,
      captionChoice: options.captionChoice ?? (shuffle ? 'random' : 'first'),
      captionsPerImage: positive('captionsPerImage', options.captionsPerImage ?? 1),
      badRows,
      cacheBytes: options.cacheBytes ?? 256 * 2 ** 20,
    };
    const workers = positive('workers', options.workers ?? 1, 0);
    this.#source = workers === 0 ? inlineSource(spec) : workerSource(spec, workers);
  }

  /** The next batch: save this, and `epoch(state.epoch, { startBatch: state.batchIndex })` goes on there. */
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

  /** The dataset rows of an epoch in their order, before bad ones are replaced. */
  order(epoch: number): Uint32Array {
    const all = this.#options.shuffle
      ? permutation(this.#rows.length, this.#seed, epoch).map((i) => this.#rows[i] as number)
      : this.#rows;
    const { index, count } = this.#options.shard ?? { index: 0, count: 1 };
    return count === 1 ? all : Uint32Array.from({ length: this.#count }, (_, i) => all[i * count + index] as number);
  }

  /**
   * The batches of an epoch, from `startBatch` on. Leaving the loop early is fine.
   * @throws for a row that cannot be used, under `strict`; for a dataset that became unreadable.
   */
  async *epoch(
    epoch: number,
    { startBatch = 0 }: { startBatch?: number } = {},
  ): AsyncGenerator<Batch, void, undefined> {
    positive('epoch', epoch, 0);
    positive('startBatch', startBatch, 0);
    const order = this.order(epoch);
    const ahead: Promise<Batch>[] = [];
    const depth = positive('prefetch', this.#options.prefetch ?? 2, 0) + 1;
    this.#state = this.#stateAt(epoch, startBatch);
    for (let next = startBatch, done = startBatch; done < this.length; done++) {
      while (next < this.length && ahead.length < depth) {
        const batch = this.#make(order.slice(next * this.batchSize, (next + 1) * this.batchSize), epoch);
        // Whoever waits for it gets the error; nobody may wait for it any more.
        batch.catch(() => undefined);
        ahead.push(batch);
        next++;
      }
      const batch = await (ahead.shift() as Promise<Batch>);
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

  async #make(rows: Uint32Array, epoch: number): Promise<Batch> {
    const parts = await this.#source.sample(rows, epoch);
    for (const skipped of parts.flatMap((part) => part.skipped)) {
      if (!this.#skipped.has(skipped.row) && this.#examples.length < examplesKept) this.#examples.push(skipped);
      this.#skipped.add(skipped.row);
    }
    return assemble(parts, this.imageSize * this.imageSize * 3);
  }
}

function checkRow(row: number, length: number, title: string): number {
  if (Number.isInteger(row) && row >= 0 && row < length) return row;
  throw new RangeError(`${title}: row ${row} is not one of its ${length} rows`);
}

const firstOf = (lists: readonly string[][]): string[] => lists.map(([first]) => first as string);

/** Joins the parts of a batch. A single part is taken as it is, without a copy. */
function assemble(parts: Samples[], imageBytes: number): Batch {
  const [only] = parts;
  if (parts.length === 1 && only) {
    const { images, captions, picked, labels, concepts, indices } = only;
    return { images, captions, caption: firstOf(picked), picked, labels, concepts, indices, size: indices.length };
  }
  const places = parts
    .flatMap((part) => Array.from(part.slots, (slot, i) => ({ part, slot, i })))
    .sort((a, b) => a.slot - b.slot);
  const images = new Uint8Array(places.length * imageBytes);
  places.forEach(({ part, i }, at) => {
    images.set(part.images.subarray(i * imageBytes, (i + 1) * imageBytes), at * imageBytes);
  });
  const gather = (key: 'labels' | 'concepts' | 'indices'): Int32Array =>
    Int32Array.from(places, ({ part, i }) => part[key][i] as number);
  const picked = places.map(({ part, i }) => part.picked[i] as string[]);
  return {
    images,
    captions: places.map(({ part, i }) => part.captions[i] as string[]),
    caption: firstOf(picked),
    picked,
    labels: gather('labels'),
    concepts: gather('concepts'),
    indices: gather('indices'),
    size: places.length,
  };
}
