/** Parquet files, written with hyparquet-writer row group by row group. */
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import type { Value } from '../arrow/column.ts';
import { sizeOf } from '../arrow/encode.ts';
import { type Feature, type Features, featuresToJson } from '../arrow/features.ts';
import type { Row } from '../format/shard.ts';
import { FileSink } from './file-sink.ts';
import { createFilesWriter, type RowFile } from './files-writer.ts';
import { parquetSchemaOf } from './parquet-schema.ts';
import type { WriteFormat, WriteOptions } from './row-writer.ts';

/** A row group ends after so many rows or bytes: readers take whole groups. */
const [groupRows, groupBytes] = [1000, 32 * 2 ** 20];

/** Encoded pictures cannot be compressed further, and their least and largest values tell nothing. */
const isOpaque = (f: Feature): boolean =>
  f.type === 'image' || (f.type === 'value' && /binary$/.test(f.dtype)) || (f.type === 'list' && isOpaque(f.feature));

class ParquetFile implements RowFile {
  readonly #sink: FileSink;
  readonly #writer: ParquetWriter;
  readonly #features: Features;
  readonly #rowsPerGroup: number;
  readonly #bytesPerGroup: number;
  #rows: Row[] = [];
  #held = 0;

  constructor(path: string, { features, rowsPerGroup }: WriteOptions) {
    const sink = new FileSink(path);
    const buffer = new ByteWriter(2 ** 20);
    const flush = (): void => {
      sink.write(buffer.getBytes());
      buffer.index = 0;
    };
    this.#sink = sink;
    this.#features = features;
    this.#rowsPerGroup = rowsPerGroup ?? groupRows;
    this.#bytesPerGroup = rowsPerGroup === undefined ? groupBytes : Number.POSITIVE_INFINITY;
    this.#writer = new ParquetWriter({
      writer: Object.assign(buffer, { flush, finish: flush }),
      schema: parquetSchemaOf(features),
      kvMetadata: [{ key: 'huggingface', value: JSON.stringify({ info: { features: featuresToJson(features) } }) }],
      createdBy: 'tessera',
    });
  }

  get bytes(): number {
    return this.#sink.bytes + this.#held;
  }

  write(row: Row): void {
    this.#rows.push(row);
    this.#held += Object.values(row).reduce<number>((sum, value) => sum + sizeOf(value), 0);
    if (this.#rows.length >= this.#rowsPerGroup || this.#held >= this.#bytesPerGroup) this.#flush();
  }

  close(): void {
    try {
      this.#flush();
      this.#writer.finish();
      this.#sink.close(true);
    } finally {
      this.#sink.close(false);
    }
  }

  abandon(): void {
    this.#sink.close(false);
  }

  #flush(): void {
    if (this.#rows.length === 0) return;
    const columnData = Object.entries(this.#features).map(([name, f]) => ({
      name,
      data: this.#rows.map((row): Value => row[name] ?? null),
      ...(isOpaque(f) && ({ encoding: 'PLAIN', codec: 'UNCOMPRESSED', statistics: false } as const)),
    }));
    this.#writer.write({ columnData, rowGroupSize: this.#rows.length });
    this.#rows = [];
    this.#held = 0;
  }
}

const ending = '.parquet';

export const parquetWriting: WriteFormat = {
  title: 'Parquet',
  fileEnding: ending,
  hasRowGroups: true,
  plan: (features) => ({ features, leftOut: [], changes: [] }),
  async create(target, options) {
    return createFilesWriter(target, ending, options, {
      emptyFiles: true,
      open: (path) => new ParquetFile(path, options),
    });
  },
};
