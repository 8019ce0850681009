/** Writing of datasets: rows are checked, buffered, and written as record batches and shards. */
import { createHash, type Hash } from 'node:crypto';
import fs from 'node:fs';
import fsp from 'node:fs/promises';
import path from 'node:path';
import { type DataType, Field, makeData, RecordBatch, Schema, Struct, vectorFromArray } from 'apache-arrow';
import type { DatasetInfo } from '../dataset/saved.ts';
import type { Row } from '../format/shard.ts';
import { errorMessage, writeFullySync } from '../io/file-system.ts';
import { type PendingDirectory, pendingDirectory } from '../io/pending-directory.ts';
import { checkValue, sizeOf } from './encode.ts';
import { arrowType, type Features, featuresToJson } from './features.ts';
import { SinkStreamWriter } from './stream-writer.ts';

export interface DatasetWriterOptions {
  features: Features;
  info?: Partial<DatasetInfo>;
  /** Replace an existing dataset. Default false: then an existing dataset is an error. */
  overwrite?: boolean;
  /** Start a new file when the present one has reached this size. Default 500 MB. */
  maxShardBytes?: number;
  /** Start a new file when the present one has this number of rows. Default: no limit. */
  maxShardRows?: number;
  /** Rows per record batch. Default 1,000. */
  batchRows?: number;
  /** A record batch ends early at about this many bytes, which limits memory use. Default 64 MiB. */
  batchBytes?: number;
}

/** Writes one split: buffers rows and divides them into record batches and shards. */
class SplitWriter {
  readonly #name: string;
  readonly #folder: string;
  readonly #schema: Schema;
  readonly #options: Required<Omit<DatasetWriterOptions, 'info' | 'overwrite'>>;
  readonly #fingerprint: Hash = createHash('sha256');
  readonly #shards: string[] = [];
  #stream: SinkStreamWriter | null = null;
  #fd = -1;
  #shardBytes = 0;
  #shardRows = 0;
  #rows: Row[] = [];
  #bytes = 0;
  #count = 0;

  constructor(
    name: string,
    folder: string,
    schema: Schema,
    options: Required<Omit<DatasetWriterOptions, 'info' | 'overwrite'>>,
  ) {
    this.#name = name;
    this.#folder = folder;
    this.#schema = schema;
    this.#options = options;
    fs.mkdirSync(folder, { recursive: true });
  }

  get rows(): number {
    return this.#count;
  }

  write(row: Row): void {
    const checked: Row = {};
    for (const [column, feature] of Object.entries(this.#options.features)) {
      const at = `split "${this.#name}", row ${this.#count}, column "${column}"`;
      const value = checkValue(feature, row[column], at);
      checked[column] = value;
      this.#bytes += sizeOf(value);
    }
    for (const column of Object.keys(row)) {
      if (column in this.#options.features) continue;
      throw new Error(`split "${this.#name}", row ${this.#count}: column "${column}" is not one of the features`);
    }
    this.#rows.push(checked);
    this.#count++;
    this.#shardRows++;
    const shardFull = this.#shardRows >= this.#options.maxShardRows;
    if (shardFull || this.#rows.length >= this.#options.batchRows || this.#bytes >= this.#options.batchBytes)
      this.#flush();
  }

  /** Ends the last shard, renames the shards to their final names, and writes state.json and dataset_info.json. */
  finish(info: DatasetInfo): void {
    this.#flush();
    if (this.#shards.length === 0) this.#openShard();
    this.#closeShard();
    const total = String(this.#shards.length).padStart(5, '0');
    const files = this.#shards.map((temporary, i) => {
      const filename = `data-${String(i).padStart(5, '0')}-of-${total}.arrow`;
      fs.renameSync(temporary, path.join(this.#folder, filename));
      return { filename };
    });
    writeJson(path.join(this.#folder, 'state.json'), {
      _data_files: files,
      _fingerprint: this.#fingerprint.digest('hex').slice(0, 16),
      _format_columns: null,
      _format_kwargs: {},
      _format_type: null,
      _output_all_columns: false,
      _split: this.#name,
    });
    writeJson(path.join(this.#folder, 'dataset_info.json'), {
      ...info,
      features: featuresToJson(this.#options.features),
    });
  }

  /** Closes an unfinished file. */
  abandon(): void {
    if (this.#fd >= 0) fs.closeSync(this.#fd);
    this.#fd = -1;
  }

  #openShard(): void {
    const file = path.join(this.#folder, `shard-${this.#shards.length}`);
    this.#shards.push(file);
    this.#fd = fs.openSync(file, 'wx');
    this.#shardBytes = 0;
    this.#stream = new SinkStreamWriter((bytes) => {
      writeFullySync(this.#fd, bytes);
      this.#fingerprint.update(bytes);
      this.#shardBytes += bytes.byteLength;
    });
    this.#stream.reset(undefined, this.#schema);
  }

  #closeShard(): void {
    if (!this.#stream) return;
    this.#stream.finish();
    this.#stream = null;
    fs.fsyncSync(this.#fd);
    fs.closeSync(this.#fd);
    this.#fd = -1;
  }

  #flush(): void {
    if (this.#rows.length === 0) return;
    if (!this.#stream) this.#openShard();
    this.#stream?.write(recordBatch(this.#schema, this.#rows));
    this.#rows = [];
    this.#bytes = 0;
    const { maxShardBytes, maxShardRows } = this.#options;
    if (this.#shardBytes < maxShardBytes && this.#shardRows < maxShardRows) return;
    this.#closeShard();
    this.#shardRows = 0;
  }
}

function recordBatch(schema: Schema, rows: Row[]): RecordBatch {
  const children = schema.fields.map((field) => {
    const values = rows.map((row) => row[field.name] ?? null);
    const [data] = vectorFromArray(values, field.type as DataType).data;
    if (!data) throw new Error(`column "${field.name}": no data`);
    return data;
  });
  const struct = new Struct(schema.fields);
  return new RecordBatch(schema, makeData({ type: struct, length: rows.length, nullCount: 0, children }));
}

function writeJson(file: string, json: unknown): void {
  const fd = fs.openSync(file, 'wx');
  try {
    writeFullySync(fd, Buffer.from(`${JSON.stringify(json, null, 2)}\n`));
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * Writes a dataset directory in the layout of `save_to_disk` of Hugging Face `datasets`; `load_from_disk` reads it. At most one record
 * batch per split is kept in memory. The directory appears when `close` has finished; until then, and after `abort`, its path is
 * unchanged.
 */
export class DatasetWriter {
  readonly path: string;
  readonly #directory: PendingDirectory;
  readonly #splits = new Map<string, SplitWriter>();
  readonly #schema: Schema;
  readonly #info: DatasetInfo;
  readonly #options: Required<Omit<DatasetWriterOptions, 'info' | 'overwrite'>>;
  #done = false;

  private constructor(directory: PendingDirectory, options: DatasetWriterOptions) {
    this.path = directory.target;
    this.#directory = directory;
    this.#info = { citation: '', description: '', homepage: '', license: '', ...options.info };
    this.#options = {
      features: options.features,
      maxShardBytes: options.maxShardBytes ?? 500e6,
      maxShardRows: options.maxShardRows ?? Number.POSITIVE_INFINITY,
      batchRows: options.batchRows ?? 1000,
      batchBytes: options.batchBytes ?? 64 * 2 ** 20,
    };
    const fields = Object.entries(options.features).map(([name, f]) => new Field(name, arrowType(f), true));
    const metadata = JSON.stringify({ info: { features: featuresToJson(options.features) } });
    this.#schema = new Schema(fields, new Map([['huggingface', metadata]]));
  }

  /** Starts a dataset at `target`. @throws if `target` exists and `overwrite` is not set. */
  static async create(target: string, options: DatasetWriterOptions): Promise<DatasetWriter> {
    if (Object.keys(options.features).length === 0) throw new Error(`${target}: a dataset needs at least one column`);
    return new DatasetWriter(await pendingDirectory(target, { overwrite: options.overwrite ?? false }), options);
  }

  /** The number of rows written so far, by split. */
  get counts(): Record<string, number> {
    return Object.fromEntries([...this.#splits].map(([name, writer]) => [name, writer.rows]));
  }

  /** Declares a split, so that it exists even without rows; `write` does it automatically. */
  addSplit(name: string): void {
    this.#splitWriter(name);
  }

  /**
   * Adds a row to a split. A column that is missing or undefined is stored as null.
   * @throws for a value that does not fit its feature; the message names split, row and column
   */
  async write(split: string, row: { [column: string]: unknown }): Promise<void> {
    this.#splitWriter(split).write(row as Row);
  }

  /** Finishes all files and moves the directory to its path. */
  async close(): Promise<void> {
    if (this.#done) return;
    try {
      if (this.#splits.size === 0) throw new Error('no rows were written');
      for (const writer of this.#splits.values()) writer.finish(this.#info);
      writeJson(path.join(this.#directory.temporary, 'dataset_dict.json'), { splits: [...this.#splits.keys()] });
      await this.#directory.commit();
      this.#done = true;
    } catch (error) {
      await this.abort();
      throw new Error(
        `${this.path}: the dataset could not be written, and nothing was changed (${errorMessage(error)})`,
      );
    }
  }

  /** Removes what was written. */
  async abort(): Promise<void> {
    if (this.#done) return;
    this.#done = true;
    for (const writer of this.#splits.values()) writer.abandon();
    await this.#directory.abort();
  }

  #splitWriter(name: string): SplitWriter {
    if (this.#done) throw new Error(`${this.path}: the dataset is closed already`);
    let writer = this.#splits.get(name);
    if (!writer) {
      if (!/^\w+([.-]\w+)*$/.test(name)) {
        throw new Error(
          `split "${name}": a name consists of letters, digits and underscores, with dots or hyphens in between`,
        );
      }
      writer = new SplitWriter(name, path.join(this.#directory.temporary, name), this.#schema, this.#options);
      this.#splits.set(name, writer);
    }
    return writer;
  }
}

/** The rows of a split. */
export type RowSource = Iterable<{ [column: string]: unknown }> | AsyncIterable<{ [column: string]: unknown }>;

/** Writes complete splits, one after the other. After an error nothing remains on disk. @returns the number of rows of each split */
export async function writeDataset(
  target: string,
  options: DatasetWriterOptions,
  splits: Record<string, RowSource>,
): Promise<Record<string, number>> {
  const writer = await DatasetWriter.create(target, options);
  try {
    for (const [name, rows] of Object.entries(splits)) {
      writer.addSplit(name);
      for await (const row of rows) await writer.write(name, row);
    }
  } catch (error) {
    await writer.abort();
    throw error;
  }
  await writer.close();
  return writer.counts;
}

/** Reads an image file as the value of an image column. */
export async function encodedImageFromFile(file: string): Promise<{ bytes: Uint8Array; path: string }> {
  return { bytes: await fsp.readFile(file), path: path.basename(file) };
}
