/** Files of rows: what every format offers, whatever it looks like inside. */
import type { Value } from '../arrow/column.ts';
import type { Features } from '../arrow/features.ts';
import type { ByteSource } from '../store/source.ts';
import type { ColumnView } from './column-view.ts';

/** One row: the values of its columns. */
export type Row = Record<string, Value>;

/** Rows of a file that are read together: a record batch, a row group, a stretch of a tar file. */
export interface BlockInfo {
  readonly rows: number;
  /** The size of its data in the file. */
  readonly bytes: number;
}

/** A block whose columns can be read without waiting. */
export interface Block {
  /** The memory that it takes, in bytes. It may grow while rows are read. */
  readonly held: number;
  /** @param index the number of a row in the block. @throws for damaged data; the message names the file */
  row(index: number): Row;
}

/** Rows whose bytes are damaged in the file. Reading them again changes nothing, so that a run can go on without them. */
export class DamagedRowsError extends Error {}

/** One file of rows, opened by its footer or index alone. */
export interface OpenShard {
  /** The file's path or address. */
  readonly url: string;
  /** How it is read: the name of a format, or `images` for a folder of images. */
  readonly format: ShardFormatName;
  /** The file's size in bytes. */
  readonly size: number;
  /** Differs between two contents of the file; see `ByteSource`. */
  readonly tag: string;
  readonly features: Features;
  readonly blocks: readonly BlockInfo[];
  /** Whether an open block takes little memory, because rows are read from the file when they are asked for. Default false. */
  readonly lazy?: boolean;
  /** What was expensive to find out when the file was opened, for opening it again: plain data. Undefined: nothing was. */
  readonly index?: unknown;
  /** What was made of the columns of the file, in this order. */
  readonly views?: readonly ColumnView[];
  /**
   * Opens a block for reading of some columns, all of which are among the features.
   * @throws DamagedRowsError if its bytes are damaged; Error if they cannot be read now
   */
  block(index: number, columns: readonly string[]): Promise<Block>;
  close(): void;
}

export type ShardFormatName = 'arrow' | 'parquet' | 'tar' | 'images';

/** How files of one kind are read. */
export interface ShardFormat {
  /** For error messages. */
  readonly title: string;
  /** The endings of the names of such files, with their dot. */
  readonly endings: readonly string[];
  /**
   * Opens a file.
   * @param like the first file of the same split, for formats that do not declare their columns in each file
   * @param index the `index` of this file when it was opened before
   * @throws if the file is damaged or of another format
   */
  open(source: ByteSource, like?: OpenShard, index?: unknown): Promise<OpenShard>;
}
