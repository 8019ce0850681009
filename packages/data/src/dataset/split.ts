/** One split of a dataset: its files as one table, whose rows are read by number. */
import type { Value } from '../arrow/column.ts';
import type { Features } from '../arrow/features.ts';
import type { ColumnView } from '../format/column-view.ts';
import { type Block, DamagedRowsError, type OpenShard, type Row } from '../format/shard.ts';
import { viewShard } from '../format/view.ts';
import { BlockCache } from './block-cache.ts';
import { type ClassColumns, classFeatures, classNumbers } from './classes.ts';
import type { ColumnMemory } from './column-memory.ts';
import type { SplitFile } from './files.ts';
import { RowSelection, type RowSelectionData } from './row-selection.ts';
import { checkSameFeatures } from './same-features.ts';
import { type RowRange, type ScannedRows, scanRows } from './scan.ts';

/** A block of a split. */
export interface SplitBlock {
  /** The number of its first row in the split. */
  readonly firstRow: number;
  readonly rows: number;
  /** The size of its data in the file. */
  readonly bytes: number;
}

/** A block, and where it is. */
interface BlockPlace extends SplitBlock {
  readonly number: number;
  readonly shard: OpenShard;
  readonly index: number;
}

export interface SplitOptions {
  /** Whether single rows are read, as of saved folders, not whole blocks. */
  readonly saved?: boolean;
  /** Bytes of blocks that are kept in memory. Default: 64 MiB where single rows are read, otherwise 512 MiB. */
  readonly cacheBytes?: number | undefined;
  /** Columns of texts or integers that are read as classes, with the values of the classes in order. */
  readonly classes?: ClassColumns | undefined;
  /** The numbers of its rows in the files; null: all of them, in order. */
  readonly selected?: RowSelection | null;
  /** The sources whose rows it has, one after the other; null: it has one. */
  readonly parts?: readonly SplitPart[] | null;
  /** Keeps the columns that are read as a whole. */
  readonly memory?: ColumnMemory | null | undefined;
  /** What distinguishes its columns there from those of other splits, and of views of this one. */
  readonly memoryKey?: string;
}

const [savedCacheBytes, blockCacheBytes] = [64 * 2 ** 20, 512 * 2 ** 20];

/** Rows of a split that come from one source. */
export interface SplitPart {
  readonly name: string;
  readonly rows: number;
  /** Its share of the samples of an epoch, in proportion to the sum of all weights. */
  readonly weight: number;
}

/** The number of views so far: each has values of its own. */
let views = 0;

/** What a worker needs to open a split again. Plain data. */
export interface SplitPlace {
  readonly path: string;
  readonly split: string;
  readonly files: readonly SplitFile[];
  /** Whether single rows are read, as of saved folders, not whole blocks. */
  readonly saved: boolean;
  readonly classes: ClassColumns;
  /** The numbers of its rows in the files; null: all of them, in order. */
  readonly selected: RowSelectionData | null;
}

/** One split of a dataset: its files as one table with random access. Rows are read on demand, block by block. */
export class Split {
  readonly name: string;
  /** The dataset's folder or address. */
  readonly path: string;
  readonly features: Features;
  /** Number of rows. */
  readonly length: number;
  /** Number of rows of the split in its files, of which these may be a selection. */
  readonly whole: number;
  /** The numbers of the selected rows in the files; null: all of them, in order. */
  readonly selected: RowSelection | null;
  /** The sources whose rows it has, one after the other; null: it has one. */
  readonly parts: readonly SplitPart[] | null;
  /** The columns that are read as classes. */
  readonly classes: ClassColumns;
  readonly #shards: readonly OpenShard[];
  readonly #places: BlockPlace[] = [];
  readonly #cache: BlockCache<Block>;
  readonly #numbers: ReturnType<typeof classNumbers>;
  readonly #options: SplitOptions & Required<Pick<SplitOptions, 'memoryKey'>>;
  #closed = false;

  constructor(name: string, path: string, shards: readonly OpenShard[], options: SplitOptions = {}) {
    const { saved = false, classes = {}, selected = null } = options;
    const { cacheBytes = saved ? savedCacheBytes : blockCacheBytes } = options;
    this.name = name;
    this.path = path;
    this.classes = classes;
    this.parts = options.parts ?? null;
    this.#options = { ...options, memoryKey: options.memoryKey ?? name };
    this.features = classFeatures(shards[0]?.features ?? {}, classes);
    this.#numbers = classNumbers(classes);
    this.#shards = shards;
    this.#cache = new BlockCache(cacheBytes);
    let rows = 0;
    for (const shard of shards) {
      shard.blocks.forEach((block, index) => {
        if (block.rows > 0) this.#places.push({ number: this.#places.length, shard, index, firstRow: rows, ...block });
        rows += block.rows;
      });
    }
    this.whole = rows;
    this.selected = selected;
    this.length = selected?.length ?? rows;
  }

  /**
   * A split with only these rows, in this order: its row 0 is the first of them. It shares the files of this one, so it can be read until
   * this one is closed, and need not be closed itself.
   *
   * @throws RangeError for a row number out of range
   */
  select(rows: Iterable<number>): Split {
    return this.selectStored(RowSelection.of(this.#storedRows(rows), this.whole));
  }

  /** As `select`, of the numbers that rows have in the files. */
  selectStored(selected: RowSelection): Split {
    return new Split(this.name, this.path, this.#shards, { ...this.#options, selected, parts: null });
  }

  /** The same rows with other columns. Closing one of the two closes both. @throws for a column that the files do not have */
  withView(view: ColumnView): Split {
    const shards = this.#shards.map((shard) => viewShard(shard, view));
    const memoryKey = `${this.#options.memoryKey}\0view ${views++}`;
    return new Split(this.name, this.path, shards, { ...this.#options, memoryKey });
  }

  /** The same rows with some columns read as classes. Closing one of the two closes both. */
  withClasses(classes: ClassColumns): Split {
    return new Split(this.name, this.path, this.#shards, { ...this.#options, classes });
  }

  /**
   * The rows of several sources as one split, one source after the other. Closing it closes all of them.
   *
   * @param sources with the same columns, none of which is read as classes only by the split
   * @throws where a source has other columns than the first
   */
  static join(
    name: string,
    path: string,
    sources: readonly { readonly split: Split; readonly name: string; readonly weight: number }[],
  ): Split {
    const splits = sources.map(({ split }) => split);
    const shards = splits.flatMap((split) => split.#shards);
    checkSameFeatures(shards);
    const isSelected = splits.some(({ selected }) => selected !== null);
    return new Split(name, path, shards, {
      memoryKey: `${name}\0join ${views++}`,
      memory: splits.map((split) => split.#options.memory ?? null).at(0) ?? null,
      saved: splits.every((split) => split.#options.saved === true),
      selected: isSelected ? RowSelection.join(splits) : null,
      parts: sources.map(({ split, name: source, weight }) => ({ name: source, rows: split.length, weight })),
    });
  }

  /** Where it can be opened again. */
  get place(): SplitPlace {
    const { saved = false } = this.#options;
    // A saved folder that was damaged is refused for its own reasons.
    const tagOf = ({ tag }: OpenShard) => (saved ? {} : { tag });
    const files = this.#shards.map((shard) => ({
      ...{ url: shard.url, format: shard.format, index: shard.index },
      ...(shard.views && { views: shard.views }),
      ...tagOf(shard),
    }));
    const { path, name: split, classes } = this;
    return { path, split, files, saved, classes, selected: this.selected?.data ?? null };
  }

  /**
   * The numbers of some of the rows, the first and the last among them: spread evenly, or where whole blocks are read, from three blocks.
   *
   * @param count the number of rows at most
   */
  sample(count: number): number[] {
    const spread = (from: number, rows: number, wanted: number): number[] => {
      const n = Math.min(rows, wanted);
      return Array.from({ length: n }, (_, k) => from + (n === 1 ? 0 : Math.round((k * (rows - 1)) / (n - 1))));
    };
    const places = this.#places;
    if (this.#options.saved === true || this.selected !== null || places.length <= 3)
      return spread(0, this.length, count);
    const chosen = [places[0], places[places.length >> 1], places.at(-1)] as BlockPlace[];
    return chosen.flatMap(({ firstRow, rows }) => spread(firstRow, rows, Math.floor(count / 3)));
  }

  /** The columns that can be read. */
  get columns(): string[] {
    return Object.entries(this.features).flatMap(([name, { type }]) => (type === 'other' ? [] : [name]));
  }

  /** The size of each file in bytes, and the rows of its blocks. */
  get files(): { readonly bytes: number; readonly batches: readonly number[] }[] {
    return this.#shards.map(({ size, blocks }) => ({ bytes: size, batches: blocks.map(({ rows }) => rows) }));
  }

  /** The blocks of the files in order, whichever of their rows are selected. The rows of a block are read together, so an order that stays within blocks is faster. */
  get blocks(): readonly SplitBlock[] {
    return this.#places;
  }

  /**
   * Reads rows by number, in any order and with repetitions. Only the named columns are read (default: all that can be).
   * @throws RangeError for a row number out of range; Error if a file is damaged or cannot be reached
   */
  async rows(indices: ArrayLike<number>, columns: readonly string[] = this.columns): Promise<Row[]> {
    const rows: Row[] = [];
    for (const index of Array.from(indices)) rows.push(await this.row(index, columns));
    return rows;
  }

  /** Whether single rows are read at no more cost than neighboring ones, as of saved folders. Otherwise whole blocks are. */
  get direct(): boolean {
    return this.#options.saved === true;
  }

  /** The size of all rows in the files, whichever are selected: in blocks, and in bytes. `lazy`: open blocks take little memory. */
  get size(): { readonly blocks: number; readonly bytes: number; readonly lazy: boolean } {
    const bytes = this.#places.reduce((sum, block) => sum + block.bytes, 0);
    return { blocks: this.#places.length, bytes, lazy: this.#shards.every(({ lazy = false }) => lazy) };
  }

  /** The number of the block that a row is in. @throws RangeError for a row number out of range */
  blockOf(row: number): number {
    return this.#placeOf(this.#storedRow(row)).number;
  }

  /** The number of the rows of a block that are in this split, as far as its rows are in the order of the files. */
  rowsIn(block: number): number {
    const { firstRow, rows } = this.#places[block] as BlockPlace;
    const { selected } = this;
    return selected === null ? rows : selected.countBelow(firstRow + rows) - selected.countBelow(firstRow);
  }

  /** The size of a block in its file, in bytes; null: it is open, so that nothing needs to be read. */
  bytesToRead(block: number, columns: readonly string[]): number | null {
    const place = this.#places[block] as BlockPlace;
    return this.#cache.has(cacheKey(place, columns)) ? null : place.bytes;
  }

  /** Opens a block before its rows are asked for. @throws if it cannot be read; the next request tries again */
  async prepare(block: number, columns: readonly string[]): Promise<void> {
    await this.#block(this.#places[block] as BlockPlace, columns);
  }

  /** Whether an open block is kept in memory, however long its rows were not asked for. */
  pin(block: number, columns: readonly string[], isPinned: boolean): void {
    const key = cacheKey(this.#places[block] as BlockPlace, columns);
    if (isPinned) this.#cache.pin(key);
    else this.#cache.unpin(key);
  }

  /** Gives up a block before others, because its rows will not be asked for soon. */
  finish(block: number, columns: readonly string[]): void {
    this.#cache.finish(cacheKey(this.#places[block] as BlockPlace, columns));
  }

  /** Reads one row. @throws like `rows` */
  async row(index: number, columns: readonly string[] = this.columns): Promise<Row> {
    const stored = this.#storedRow(index);
    for (const column of columns) this.#checkColumn(column);
    const place = this.#placeOf(stored);
    const block = await this.#block(place, columns);
    try {
      const row = block.row(stored - place.firstRow);
      for (const [column, numbers] of this.#numbers) if (row[column] !== undefined) row[column] = numbers(row[column]);
      return row;
    } catch (error) {
      throw new Error(`split "${this.name}", row ${stored}: ${(error as Error).message}`, { cause: error });
    }
  }

  /**
   * Reads some columns in many rows, block by block, several blocks ahead. The blocks are not kept in memory.
   *
   * @param ranges of rows; default: all
   * @throws for a column that cannot be read, and for a file that cannot be reached; damaged parts of it are among the results
   */
  async *scan(
    columns: readonly string[],
    ranges: Iterable<RowRange> = [{ from: 0, to: this.length }],
  ): AsyncGenerator<ScannedRows, void, undefined> {
    for (const column of columns) this.#checkColumn(column);
    const { selected } = this;
    const numbers = new Map(this.#numbers);
    const converters = columns.map((column) => numbers.get(column) ?? ((value: Value) => value));
    const source = {
      name: this.name,
      memoryKey: this.#options.memoryKey,
      selected,
      memory: this.#options.memory ?? null,
      placeOf: (stored: number) => this.#placeOf(stored),
      open: (place: BlockPlace, wanted: readonly string[]) =>
        // An order that returns to the same blocks should not read them again.
        selected === null || selected.isAscending ? this.#open(place, wanted) : this.#block(place, wanted),
    };
    for await (const rows of scanRows(source, columns, ranges))
      yield { ...rows, value: (column, index) => converters[column]?.(rows.value(column, index)) ?? null };
  }

  /** All values of one column, in order. @throws like `rows` */
  async column(name: string): Promise<Value[]> {
    const values: Value[] = [];
    for await (const { count, damage, value } of this.scan([name])) {
      if (damage !== null) throw new DamagedRowsError(damage);
      for (let k = 0; k < count; k++) values.push(value(0, k));
    }
    return values;
  }

  /**
   * Rows for a look at the split: `count` of them, in `stretches` pieces that are spread evenly and begin with a block where they can, so
   * that few blocks are read. All rows, if there are not more.
   */
  spread(count: number, stretches: number): RowRange[] {
    if (this.length <= count) return [{ from: 0, to: this.length }];
    const length = Math.floor(count / stretches);
    return Array.from({ length: stretches }, (_, k) => {
      const from = Math.floor((k * this.length) / stretches);
      if (this.selected !== null) return { from, to: from + length };
      const { firstRow } = this.#placeOf(from);
      // The block's beginning, unless another stretch may reach to there.
      const aligned = from - firstRow < this.length / stretches - length ? firstRow : from;
      return { from: aligned, to: aligned + length };
    });
  }

  /** Rows in order. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Row> {
    for (let i = 0; i < this.length; i++) yield await this.row(i);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cache.clear();
    for (const shard of this.#shards) shard.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  get #title(): string {
    return `${this.path}, split "${this.name}"`;
  }

  #checkColumn(name: string): void {
    const feature = this.features[name];
    if (feature === undefined)
      throw new Error(`${this.#title}: no column "${name}"; its columns are ${Object.keys(this.features).join(', ')}`);
    if (feature.type === 'other')
      throw new Error(`${this.#title}: column "${name}" is of type ${feature.dtype}, which cannot be read`);
  }

  /** The number of a row in the files. @throws RangeError where it is not one of the rows */
  #storedRow(row: number): number {
    if (!Number.isInteger(row) || row < 0 || row >= this.length)
      throw new RangeError(`${this.#title}: row ${row} is not one of its ${this.length} rows`);
    return this.selected?.at(row) ?? row;
  }

  *#storedRows(rows: Iterable<number>): Generator<number> {
    for (const row of rows) yield this.#storedRow(row);
  }

  /** The block that contains a row, found by bisection. */
  #placeOf(row: number): BlockPlace {
    let low = 0;
    let high = this.#places.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#places[middle] as BlockPlace).firstRow <= row) low = middle;
      else high = middle - 1;
    }
    return this.#places[low] as BlockPlace;
  }

  #block(place: BlockPlace, columns: readonly string[]): Promise<Block> {
    if (this.#closed) return Promise.reject(new Error('the dataset was closed'));
    return this.#cache.get(cacheKey(place, columns), () => this.#open(place, columns));
  }

  #open({ shard, index }: BlockPlace, columns: readonly string[]): Promise<Block> {
    if (this.#closed) return Promise.reject(new Error('the dataset was closed'));
    return shard.block(index, columns);
  }
}

const cacheKey = ({ number }: BlockPlace, columns: readonly string[]): string => `${number} ${columns.join('\0')}`;
