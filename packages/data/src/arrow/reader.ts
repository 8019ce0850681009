/** Datasets on disk, opened for reading: random access to the rows of their splits. */
import fs from 'node:fs';
import fsp from 'node:fs/promises';
import path from 'node:path';
import type { Schema } from 'apache-arrow';
import { errorCode, errorMessage, exists } from '../io/file-system.ts';
import {
  BatchBuffers,
  type ColumnPlace,
  checkBatch,
  columnGetter,
  type Getter,
  placeColumns,
  type Value,
} from './column.ts';
import { type Features, featuresFromJson, inferFeature } from './features.ts';
import { ArrowFileError, indexStream, openArrowFile, type RecordBatchEntry, type StreamIndex } from './messages.ts';

/** One row: the values of its columns. */
export type Row = Record<string, Value>;

/** The description of a dataset (dataset_info.json). */
export interface DatasetInfo {
  description: string;
  citation: string;
  homepage: string;
  license: string;
}

/** Bytes of offsets, bitmaps and small columns that a split keeps in memory, over all its record batches. */
const defaultCacheBytes = 64 * 2 ** 20;

interface Shard extends StreamIndex {
  path: string;
  fd: number;
  columns: Map<string, ColumnPlace>;
}

function openShard(path: string): Shard {
  const fd = openArrowFile(path);
  try {
    const index = indexStream(fd, path);
    const columns = shardColumns(index.schema, path);
    index.batches.forEach((batch, i) => {
      try {
        checkBatch(batch, columns);
      } catch (error) {
        throw new ArrowFileError(path, `is corrupt: record batch ${i}: ${errorMessage(error)}`);
      }
    });
    return { path, fd, ...index, columns };
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

function shardColumns(schema: Schema, path: string): Map<string, ColumnPlace> {
  try {
    return placeColumns(schema);
  } catch (error) {
    throw new Error(`${path}: ${errorMessage(error)}`);
  }
}

/** A record batch of a shard, and the number of its first row in the split. */
interface BatchPlace {
  shard: Shard;
  entry: RecordBatchEntry;
  firstRow: number;
}

/** A record batch with getters for the columns that were read so far. */
interface OpenBatch {
  buffers: BatchBuffers;
  getters: Map<string, Getter>;
}

/** One split of a dataset: its shards as one table with random access. Rows are read on demand. */
export class Split {
  readonly name: string;
  /** The dataset's directory. */
  readonly path: string;
  readonly features: Features;
  /** Number of rows. */
  readonly length: number;
  /** Number of rows of the split on disk, of which these may be a selection. */
  readonly whole: number;
  /** The numbers of the selected rows in the split on disk; null: all of them. */
  readonly selected: Uint32Array | null;
  readonly #shards: Shard[];
  readonly #places: BatchPlace[] = [];
  readonly #columns: Map<string, ColumnPlace>;
  /** In order of use, the most recent last. */
  readonly #open = new Map<BatchPlace, OpenBatch>();
  readonly #cacheBytes: number;
  #held = 0;
  #closed = false;

  constructor(
    name: string,
    directory: string,
    features: Features,
    shards: Shard[],
    cacheBytes = defaultCacheBytes,
    selected: Uint32Array | null = null,
  ) {
    this.name = name;
    this.path = directory;
    this.features = features;
    this.#shards = shards;
    this.#columns = shards[0]?.columns ?? new Map();
    this.#cacheBytes = cacheBytes;
    let rows = 0;
    for (const shard of shards) {
      for (const entry of shard.batches) {
        if (entry.rows > 0) this.#places.push({ shard, entry, firstRow: rows });
        rows += entry.rows;
      }
    }
    this.whole = rows;
    this.length = selected?.length ?? rows;
    this.selected = selected;
  }

  /**
   * A split with only these rows, in this order: its row 0 is the first of them. It shares the files of this one, so it can be read until
   * this one is closed, and need not be closed itself.
   *
   * @throws RangeError for a row number out of range
   */
  select(rows: ArrayLike<number>): Split {
    const selected = Uint32Array.from(rows, (row) => this.#storedRow(row));
    return new Split(this.name, this.path, this.features, this.#shards, this.#cacheBytes, selected);
  }

  get columns(): string[] {
    return [...this.#columns.keys()];
  }

  /** The size of each file in bytes, and the rows of its record batches. */
  get files(): { readonly bytes: number; readonly batches: readonly number[] }[] {
    return this.#shards.map(({ fd, batches }) => ({
      bytes: fs.fstatSync(fd).size,
      batches: batches.map(({ rows }) => rows),
    }));
  }

  /**
   * Reads rows by number, in any order and with repetitions. Only the named columns are read (default: all).
   * @throws RangeError for a row number out of range; ArrowFileError if the file is corrupt
   */
  async rows(indices: ArrayLike<number>, columns: readonly string[] = this.columns): Promise<Row[]> {
    return Array.from(indices, (index) => this.row(index, columns));
  }

  /** Reads one row synchronously. @throws like `rows` */
  row(index: number, columns: readonly string[] = this.columns): Row {
    const stored = this.#storedRow(index);
    const place = this.#placeOf(stored);
    const row: Row = {};
    try {
      for (const column of columns) row[column] = this.#getter(place, column)(stored - place.firstRow);
    } catch (error) {
      if (error instanceof UnknownColumnError) throw error;
      throw new ArrowFileError(
        place.shard.path,
        `is corrupt: row ${stored} of split "${this.name}" cannot be read (${errorMessage(error)})`,
      );
    }
    return row;
  }

  /** All values of one column, in order. */
  async column(name: string): Promise<Value[]> {
    return Array.from({ length: this.length }, (_, i) => this.row(i, [name])[name] ?? null);
  }

  /** Rows in order. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Row> {
    for (let i = 0; i < this.length; i++) yield this.row(i);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#open.clear();
    for (const shard of this.#shards) fs.closeSync(shard.fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #title(): string {
    return `${this.path}, split "${this.name}"`;
  }

  /** The number of a row in the split on disk. @throws RangeError where it is not one of the rows */
  #storedRow(row: number): number {
    if (!Number.isInteger(row) || row < 0 || row >= this.length)
      throw new RangeError(`${this.#title()}: row ${row} is not one of its ${this.length} rows`);
    return this.selected?.[row] ?? row;
  }

  /** The record batch that contains a row, found by bisection. */
  #placeOf(row: number): BatchPlace {
    let low = 0;
    let high = this.#places.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#places[middle] as BatchPlace).firstRow <= row) low = middle;
      else high = middle - 1;
    }
    return this.#places[low] as BatchPlace;
  }

  #getter(place: BatchPlace, column: string): Getter {
    if (this.#closed) throw new Error('the dataset was closed');
    let batch = this.#open.get(place);
    if (batch) this.#open.delete(place);
    else batch = { buffers: new BatchBuffers(place.shard.fd, place.entry), getters: new Map() };
    this.#open.set(place, batch);
    let getter = batch.getters.get(column);
    if (!getter) {
      const columnPlace = this.#columns.get(column);
      if (!columnPlace) {
        const names = this.columns.join(', ');
        throw new UnknownColumnError(`${this.#title()}: no column "${column}"; its columns are ${names}`);
      }
      getter = columnGetter(batch.buffers, columnPlace);
      batch.getters.set(column, getter);
      this.#evict(place);
    }
    return getter;
  }

  /** Drops the least recently used record batches until the rest fits into the cache. */
  #evict(keep: BatchPlace): void {
    this.#held = 0;
    for (const batch of this.#open.values()) this.#held += batch.buffers.held;
    for (const [place, batch] of this.#open) {
      if (this.#held <= this.#cacheBytes) return;
      if (place === keep) continue;
      this.#open.delete(place);
      this.#held -= batch.buffers.held;
    }
  }
}

class UnknownColumnError extends Error {}

/** A dataset on disk in the layout of `save_to_disk` of Hugging Face `datasets`. */
export interface Dataset {
  path: string;
  info: DatasetInfo;
  splits: Record<string, Split>;
  /** @throws for an unknown split; the message lists the splits. */
  split(name: string): Split;
  close(): void;
  [Symbol.dispose](): void;
}

export interface OpenOptions {
  /** Open only these splits. Default: all. */
  splits?: readonly string[];
  /** Bytes of column data that each split keeps in memory. Image data is not kept. Default: 64 MiB. */
  cacheBytes?: number;
}

/**
 * Opens a dataset directory that was written by this package or by `save_to_disk` of Hugging Face `datasets` (a DatasetDict or a
 * single Dataset). Only headers are read here.
 *
 * @throws ArrowFileError for a missing, truncated or corrupt Arrow file; Error for any other problem. The message contains the path,
 *   what was expected and what to do.
 */
export async function openDataset(directory: string, options: OpenOptions = {}): Promise<Dataset> {
  const root = path.resolve(directory);
  const names = await splitNames(root);
  const wanted = options.splits ?? Object.keys(names);
  const splits: Record<string, Split> = {};
  const close = (): void => {
    for (const split of Object.values(splits)) split.close();
  };
  let info: DatasetInfo | null = null;
  try {
    for (const name of wanted) {
      const folder = names[name];
      if (folder === undefined) throw new Error(noSuchSplit(root, name, Object.keys(names)));
      const opened = await openSplit(root, name, folder, options.cacheBytes);
      splits[name] = opened.split;
      info ??= opened.info;
    }
  } catch (error) {
    close();
    throw error;
  }
  return {
    path: root,
    info: info ?? readInfo({}),
    splits,
    split(name) {
      const split = splits[name];
      if (!split) throw new Error(noSuchSplit(root, name, Object.keys(splits)));
      return split;
    },
    close,
    [Symbol.dispose]: close,
  };
}

const noSuchSplit = (root: string, name: string, names: string[]): string =>
  `${root}: no split "${name}"; its splits are ${names.join(', ') || '(none)'}`;

/** The splits' names and folders. */
async function splitNames(root: string): Promise<Record<string, string>> {
  const dictionary = path.join(root, 'dataset_dict.json');
  if (await exists(dictionary)) {
    const { splits } = await readJson(dictionary);
    if (!Array.isArray(splits)) throw new Error(`${dictionary}: expected {"splits": [names]}`);
    return Object.fromEntries(splits.map((name) => [splitName(name, dictionary), path.join(root, String(name))]));
  }
  const state = path.join(root, 'state.json');
  if (await exists(state)) {
    const { _split: name } = await readJson(state);
    return { [typeof name === 'string' ? splitName(name, state) : 'train']: root };
  }
  throw new Error(
    (await exists(root))
      ? `${root}: is not a dataset: neither dataset_dict.json nor state.json is there. Expected what \`build-dataset\` or \`save_to_disk\` of Hugging Face \`datasets\` writes`
      : `${root}: there is no such directory. Build the dataset first`,
  );
}

/** Checks a split's name, which is used in paths. @throws for a name that could lead out of the dataset's folder */
function splitName(name: unknown, source: string): string {
  if (typeof name === 'string' && /^\w[\w.-]*$/.test(name)) return name;
  throw new Error(
    `${source}: ${JSON.stringify(name)} cannot be the name of a split; use letters, digits, '_', '.' and '-'`,
  );
}

async function openSplit(
  root: string,
  name: string,
  folder: string,
  cacheBytes: number | undefined,
): Promise<{ split: Split; info: DatasetInfo }> {
  const statePath = path.join(folder, 'state.json');
  const state = await readJson(statePath);
  if (state._indices_data_files) {
    throw new Error(`${statePath}: index mappings are not supported; call flatten_indices() before save_to_disk`);
  }
  const files = Array.isArray(state._data_files) ? state._data_files : [];
  const shards: Shard[] = [];
  try {
    for (const file of files) {
      const filename = typeof file === 'object' && file !== null && 'filename' in file ? file.filename : file;
      const shard = openShard(path.join(folder, String(filename)));
      shards.push(shard);
      checkSameSchema(shards[0] ?? shard, shard);
    }
    const [first] = shards;
    if (first === undefined) throw new Error(`${statePath}: lists no data files`);
    const infoPath = path.join(folder, 'dataset_info.json');
    const infoJson = (await exists(infoPath)) ? await readJson(infoPath) : {};
    const features = readFeatures(first, infoJson);
    return { split: new Split(name, root, features, shards, cacheBytes), info: readInfo(infoJson) };
  } catch (error) {
    for (const shard of shards) fs.closeSync(shard.fd);
    throw error;
  }
}

function checkSameSchema(first: Shard, shard: Shard): void {
  const describe = (schema: Schema): string => schema.fields.map((f) => `${f.name}: ${f.type}`).join(', ');
  const [expected, found] = [describe(first.schema), describe(shard.schema)];
  if (expected !== found) {
    throw new ArrowFileError(
      shard.path,
      `has columns (${found}), but the first shard ${path.basename(first.path)} has (${expected})`,
    );
  }
}

/** The features, from the Arrow schema's metadata, or from dataset_info.json, or from the Arrow types. */
function readFeatures(shard: Shard, info: Record<string, unknown>): Features {
  const declared = declaredFeatures(shard, info);
  return Object.fromEntries(
    shard.schema.fields.map((field) => {
      const found = declared ? declared[field.name] : inferFeature(field.type);
      if (!found) {
        const problem = declared ? 'is not among the features' : `of type ${field.type} is not supported`;
        throw new Error(`${shard.path}: column "${field.name}" ${problem}`);
      }
      return [field.name, found];
    }),
  );
}

function declaredFeatures(shard: Shard, info: Record<string, unknown>): Features | null {
  const metadata = shard.schema.metadata.get('huggingface');
  let json = info.features;
  try {
    if (metadata) json = (JSON.parse(metadata) as { info?: { features?: unknown } } | null)?.info?.features ?? json;
  } catch (error) {
    throw new ArrowFileError(shard.path, `is corrupt: its features cannot be read (${errorMessage(error)})`);
  }
  return json ? featuresFromJson(json, `${shard.path}: features`) : null;
}

function readInfo(json: Record<string, unknown>): DatasetInfo {
  const text = (key: string): string => (typeof json[key] === 'string' ? json[key] : '');
  return {
    description: text('description'),
    citation: text('citation'),
    homepage: text('homepage'),
    license: text('license'),
  };
}

async function readJson(file: string): Promise<Record<string, unknown>> {
  let text: string;
  try {
    text = await fsp.readFile(file, 'utf8');
  } catch (error) {
    const missing = errorCode(error) === 'ENOENT';
    throw new Error(`${file}: ${missing ? 'is missing' : errorMessage(error)}. Build or copy the dataset again.`);
  }
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null) return json as Record<string, unknown>;
  } catch {
    // The error below says more than the parser's.
  }
  throw new Error(
    `${file}: is corrupt: its ${text.length} characters are not a JSON object. Build or copy the dataset again.`,
  );
}
