/** Writing of rows in splits, whatever the format of the files is. */
import type { Features } from '../arrow/features.ts';
import type { DatasetInfo } from '../dataset/saved.ts';

export interface WriteOptions {
  readonly features: Features;
  readonly info?: Partial<DatasetInfo>;
  /** Replace what exists. Default false: then an existing target is an error. */
  readonly overwrite?: boolean;
  /** A file ends after so many rows. Default: at about 500 MB. */
  readonly rowsPerFile?: number;
  /** Rows of a row group or record batch. Default: up to 1,000 rows or 32 MiB. */
  readonly rowsPerGroup?: number;
}

/** Writes the rows of several splits. Nothing is at the target before `close` has finished, nor after `abort`. */
export interface RowWriter {
  /** Declares a split, so that it exists even without rows. */
  addSplit(name: string): void;
  /**
   * Adds a row. A column that is missing or undefined is stored as null.
   * @throws for a value that does not fit its feature; the message names split, row and column
   */
  write(split: string, row: Readonly<Record<string, unknown>>): Promise<void>;
  close(): Promise<void>;
  /** Removes what was written. */
  abort(): Promise<void>;
  /** The number of rows written so far, by split. */
  readonly counts: Record<string, number>;
}

/** What a format does with columns that it cannot keep as they are. Sentences for people. */
export interface WritePlan {
  /** The columns that are written. */
  readonly features: Features;
  /** Columns that are not written, with the reason. */
  readonly leftOut: readonly string[];
  /** Columns that change, and how. */
  readonly changes: readonly string[];
}

/** How rows are written in one format. */
export interface WriteFormat {
  readonly title: string;
  /** The ending of a target that is one file; null: the target is a folder. */
  readonly fileEnding: string | null;
  plan(features: Features): WritePlan;
  /** @param options with the features of the plan. @throws if the target exists and may not be replaced */
  create(target: string, options: WriteOptions): Promise<RowWriter>;
  /** What could not be kept of single rows, after they were written. */
  readonly hasRowGroups: boolean;
}
