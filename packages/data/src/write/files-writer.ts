/** Rows of several splits as files, each of which ends after a number of rows or bytes. */
import { checkValue } from '../arrow/encode.ts';
import { featuresToJson } from '../arrow/features.ts';
import type { Row } from '../format/shard.ts';
import { errorMessage } from '../io/file-system.ts';
import { fileOutput, folderOutput, type Output } from './output.ts';
import type { RowWriter, WriteOptions } from './row-writer.ts';

/** A file of rows that is being written. */
export interface RowFile {
  /** The bytes written so far; a group that is not complete counts roughly. */
  readonly bytes: number;
  /** @param row values as `checkValue` returns them. @throws for a value that the format cannot store */
  write(row: Row): void;
  /** Ends the file, so that it is complete on the disk. */
  close(): void;
  /** Closes the file as it is. */
  abandon(): void;
}

const mostBytes = 500e6;

interface OpenSplit {
  file: RowFile | null;
  rowsOfFile: number;
  rows: number;
}

/** What the files of a format need. */
interface FileFormat {
  /** Whether a file without rows can be read. */
  readonly emptyFiles: boolean;
  /** @param number how many files were opened before */
  open(path: string, number: number): RowFile;
}

/** A writer of the files of a folder, or of one file if the target has their ending. */
export async function createFilesWriter(
  target: string,
  ending: string,
  options: WriteOptions,
  format: FileFormat,
): Promise<RowWriter> {
  const { overwrite = false } = options;
  if (!target.toLowerCase().endsWith(ending))
    return new FilesWriter(await folderOutput(target, ending, overwrite), options, format);
  const whole = { ...options, rowsPerFile: Number.POSITIVE_INFINITY };
  return new FilesWriter(await fileOutput(target, overwrite), whole, format);
}

class FilesWriter implements RowWriter {
  readonly #output: Output;
  readonly #options: WriteOptions;
  readonly #format: FileFormat;
  readonly #splits = new Map<string, OpenSplit>();
  #files = 0;
  #done = false;

  constructor(output: Output, options: WriteOptions, format: FileFormat) {
    this.#output = output;
    this.#options = options;
    this.#format = format;
  }

  get counts(): Record<string, number> {
    return Object.fromEntries([...this.#splits].map(([name, { rows }]) => [name, rows]));
  }

  addSplit(name: string): void {
    this.#split(name);
  }

  async write(name: string, row: Readonly<Record<string, unknown>>): Promise<void> {
    const split = this.#split(name);
    const at = `split "${name}", row ${split.rows}`;
    const checked: Row = {};
    for (const [column, feature] of Object.entries(this.#options.features))
      checked[column] = checkValue(feature, row[column], `${at}, column "${column}"`);
    split.file ??= this.#start(name);
    try {
      split.file.write(checked);
    } catch (error) {
      throw new Error(`${at}: ${errorMessage(error)}`, { cause: error });
    }
    split.rows++;
    split.rowsOfFile++;
    const { rowsPerFile = Number.POSITIVE_INFINITY } = this.#options;
    const full =
      split.rowsOfFile >= rowsPerFile || (this.#options.rowsPerFile === undefined && split.file.bytes >= mostBytes);
    if (full) this.#end(split);
  }

  async close(): Promise<void> {
    if (this.#done) return;
    try {
      for (const [name, split] of this.#splits) {
        if (split.rows === 0 && this.#format.emptyFiles) split.file = this.#start(name);
        this.#end(split);
      }
      const { features, info } = this.#options;
      const description = { description: '', citation: '', homepage: '', license: '', ...info };
      const json = { ...description, features: featuresToJson(features) };
      this.#output.describe('dataset_info.json', `${JSON.stringify(json, null, 2)}\n`);
      await this.#output.commit();
      this.#done = true;
    } catch (error) {
      await this.abort();
      throw new Error(`${this.#output.target}: could not be written, and nothing was changed (${errorMessage(error)})`);
    }
  }

  async abort(): Promise<void> {
    if (this.#done) return;
    this.#done = true;
    for (const { file } of this.#splits.values()) file?.abandon();
    await this.#output.abort();
  }

  #start(name: string): RowFile {
    return this.#format.open(this.#output.next(name), this.#files++);
  }

  #end(split: OpenSplit): void {
    split.file?.close();
    split.file = null;
    split.rowsOfFile = 0;
  }

  #split(name: string): OpenSplit {
    if (this.#done) throw new Error(`${this.#output.target}: is closed already`);
    let split = this.#splits.get(name);
    if (split === undefined) {
      split = { file: null, rowsOfFile: 0, rows: 0 };
      this.#splits.set(name, split);
    }
    return split;
  }
}
