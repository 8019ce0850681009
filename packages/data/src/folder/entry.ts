/** An image of a folder as it is listed, and the options of the listing. */
import type { LeftOut } from './left-out.ts';
import type { TableKind } from './table.ts';

/** An image of a folder, with its captions, class and split. */
export interface Entry {
  /** Relative to the source folder. */
  readonly file: string;
  readonly split: string;
  /** By the name of their column; none without a table. */
  readonly captions: Readonly<Record<string, string[]>>;
  /** The name of its class; null for none. */
  readonly label: string | null;
  /** The values of the table's other columns. */
  readonly others: Readonly<Record<string, unknown>>;
}

export interface EntryOptions {
  /** The file with the captions, relative to the folder. Default: the usual names. */
  captions?: string;
  /** The column with the names of the image files. Default: the usual names. */
  imageColumn?: string;
  /** The column with the captions. Default: the usual names. */
  captionColumn?: string;
  /** Several columns with captions, of which a row may leave some empty. They take the place of `captionColumn`. */
  captionColumns?: readonly string[];
  /** Whether columns that are named keep their names. Default: they become `image` and `captions`. */
  keepNames?: boolean;
  /** A column whose values serve as classes, so that a table needs no captions. Default: `label`. */
  labelColumn?: string;
  /** The encoding of the file with the captions, such as windows-1252. Default: UTF-8, or UTF-16 by its byte order mark. */
  encoding?: string;
  /** Fraction of the images in the split `test`, if the source has no splits. Default 0.1. */
  testShare?: number;
}

export interface FolderListing {
  entries: Entry[];
  /** Whether there is a table, and whether all its values are texts (CSV, TSV) or those of JSON. */
  table: TableKind | null;
  leftOut: LeftOut[];
}
