/** Arrow IPC streams and files as shards: a block is a record batch. */
import { BatchBuffers, checkBatch, checkTypes, columnGetter, columnRegions, type Getter } from '../arrow/column.ts';
import { declaredFeatures, type Features, inferFeature } from '../arrow/features.ts';
import { ArrowFileError, type IndexedBatch, indexStream, type StreamIndex } from '../arrow/messages.ts';
import type { ArrowField, ArrowSchema } from '../arrow/schema.ts';
import { errorMessage } from '../io/file-system.ts';
import { readRanges } from '../store/ranges.ts';
import type { ByteSource } from '../store/source.ts';
import type { Block, OpenShard, Row, ShardFormat } from './shard.ts';

/** What opening is told. */
interface ArrowIndex {
  /** The features in dataset_info.json. */
  readonly info: unknown;
}

/**
 * Opens an Arrow file.
 *
 * @param info the features in dataset_info.json, for files without them
 * @throws ArrowFileError if the file is truncated or corrupt
 */
export async function openArrow(source: ByteSource, info?: unknown): Promise<OpenShard> {
  const { schema, batches } = await checkedIndex(source);
  const fields = new Map(schema.fields.map((field) => [field.name, field]));
  return {
    url: source.url,
    format: 'arrow',
    ...(info === undefined ? {} : { index: { info } satisfies ArrowIndex }),
    size: source.size,
    tag: source.tag,
    features: featuresOf(source, schema, info),
    lazy: source.readSync !== undefined,
    blocks: batches.map(({ entry }) => ({
      rows: entry.rows,
      bytes: entry.buffers.reduce((sum, { length }) => sum + length, 0),
    })),
    async block(index, columns) {
      const asked = columns.map((column) => fields.get(column) as ArrowField);
      return openBlock(source, schema, batches[index] as IndexedBatch, asked);
    },
    close: () => source.close(),
  };
}

async function checkedIndex(source: ByteSource): Promise<StreamIndex> {
  const index = await indexStream(source);
  try {
    checkTypes(index.schema);
  } catch (error) {
    throw new ArrowFileError(source.url, `is corrupt: ${errorMessage(error)}`);
  }
  index.batches.forEach(({ entry }, i) => {
    try {
      checkBatch(entry, index.schema);
    } catch (error) {
      throw new ArrowFileError(source.url, `is corrupt: record batch ${i}: ${errorMessage(error)}`);
    }
  });
  return index;
}

/** The features: from the schema's metadata, or from dataset_info.json, or by the Arrow types. */
function featuresOf({ url }: ByteSource, schema: ArrowSchema, info: unknown): Features {
  const own = Object.fromEntries(schema.fields.map(({ name, type }) => [name, inferFeature(type)]));
  try {
    return declaredFeatures(own, schema.metadata.get('huggingface'), info);
  } catch (error) {
    throw new ArrowFileError(url, `is corrupt: its features cannot be read (${errorMessage(error)})`);
  }
}

async function openBlock(
  source: ByteSource,
  schema: ArrowSchema,
  batch: IndexedBatch,
  columns: readonly ArrowField[],
): Promise<Block> {
  const { readSync } = source;
  const regions = readSync === undefined ? columns.flatMap((column) => columnRegions(batch, schema, column)) : [];
  const remote = await readRanges(
    source,
    regions.map(({ offset, length }) => ({ start: offset, end: offset + length })),
  );
  const buffers = new BatchBuffers(
    readSync === undefined
      ? (offset, length) => remote.slice(offset, length)
      : (offset, length) => readSync(offset, offset + length),
    batch,
  );
  const getters: (readonly [name: string, get: Getter])[] = [];
  const guarded = <T>(what: string, body: () => T): T => {
    try {
      return body();
    } catch (error) {
      throw new ArrowFileError(source.url, `is corrupt: ${what} cannot be read (${errorMessage(error)})`);
    }
  };
  for (const column of columns)
    getters.push([
      column.name,
      guarded(`column "${column.name}" of a record batch`, () => columnGetter(buffers, schema, column)),
    ]);
  return {
    get held() {
      return buffers.total + remote.bytes;
    },
    row: (index) =>
      guarded(`row ${index} of a record batch`, () => {
        const row: Row = {};
        for (const [name, get] of getters) row[name] = get(index);
        return row;
      }),
  };
}

export const arrowFormat: ShardFormat = {
  title: 'Arrow',
  endings: ['.arrow', '.feather', '.ipc', '.arrows'],
  open: (source, _, index) => openArrow(source, (index as ArrowIndex | undefined)?.info),
};
