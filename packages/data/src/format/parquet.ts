/** Parquet files as shards, read with hyparquet: a block is a row group. */
import { type FileMetaData, parquetReadObjects, parquetSchema, type SchemaTree } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { Value } from '../arrow/column.ts';
import {
  declaredFeatures,
  type Feature,
  type Features,
  feature,
  structFeature,
  type ValueDtype,
} from '../arrow/features.ts';
import { errorMessage } from '../io/file-system.ts';
import type { ByteSource } from '../store/source.ts';
import { chunksOf, leavesOf, metadataOf, NotParquetError, type ParquetIndex, readIndex } from './parquet-index.ts';
import { DamagedRowsError, type OpenShard, type Row, type ShardFormat } from './shard.ts';

/** A Parquet file that is damaged, or of another format. */
class ParquetFileError extends Error {
  constructor(url: string, problem: string) {
    super(`${url}: ${problem}`);
  }
}

/** Bytes that could not be read, which says nothing about the file. */
class UnreachableError extends Error {}

const other = (dtype: string): Feature => ({ type: 'other', dtype });

/** The features of physical types that no other type refines. */
const physical: Readonly<Record<string, ValueDtype>> = {
  BOOLEAN: 'bool',
  INT32: 'int32',
  INT64: 'int64',
  FLOAT: 'float32',
  DOUBLE: 'float64',
  BYTE_ARRAY: 'binary',
  FIXED_LEN_BYTE_ARRAY: 'binary',
};

/** The features of refined types; all others are not read. */
const refined: Readonly<Record<string, ValueDtype>> = {
  STRING: 'string',
  UTF8: 'string',
  ENUM: 'string',
  FLOAT16: 'float16',
  INT_8: 'int8',
  INT_16: 'int16',
  INT_32: 'int32',
  INT_64: 'int64',
  UINT_8: 'uint8',
  UINT_16: 'uint16',
  UINT_32: 'uint32',
  UINT_64: 'uint64',
};

/** The feature of a column by the file's own types (github.com/apache/parquet-format, LogicalTypes.md). */
function featureOf({ element, children }: SchemaTree, repeated = element.repetition_type === 'REPEATED'): Feature {
  const { type, logical_type: logical, converted_type: converted } = element;
  if (repeated) return listOf(featureOf({ element, children } as SchemaTree, false));
  if (children.length > 0) {
    const [only] = children;
    if (converted === 'LIST' || logical?.type === 'LIST') return only === undefined ? other('LIST') : listFeature(only);
    if (converted !== undefined || logical !== undefined) return other(logical?.type ?? converted ?? 'group');
    const members = Object.fromEntries(children.map((child) => [child.element.name, featureOf(child)]));
    return structFeature(members, 'struct');
  }
  if (logical?.type === 'INTEGER')
    return feature.value(`${logical.isSigned ? 'int' : 'uint'}${logical.bitWidth}` as ValueDtype);
  const refinement = logical?.type ?? converted;
  const dtype = refinement === undefined ? physical[type ?? ''] : refined[refinement];
  return dtype === undefined ? other(refinement ?? type ?? 'unknown') : feature.value(dtype);
}

const listOf = (element: Feature): Feature => (element.type === 'other' ? element : feature.list(element));

/** The feature of a list, whose repeated child holds its elements, or in old files is one. */
function listFeature(repeated: SchemaTree): Feature {
  const [element, ...more] = repeated.children;
  if (element === undefined || more.length > 0) return listOf(featureOf(repeated, false));
  return listOf(featureOf(element));
}

/** The features by the file's own types. @throws where the footer does not fit together */
const ownFeatures = (metadata: FileMetaData): Features =>
  Object.fromEntries(parquetSchema(metadata).children.map((child) => [child.element.name, featureOf(child)]));

function featuresOf(own: Features, metadata: FileMetaData, url: string): Features {
  const text = metadata.key_value_metadata?.find(({ key }) => key === 'huggingface')?.value;
  try {
    return declaredFeatures(own, text);
  } catch (error) {
    throw new ParquetFileError(url, `its features cannot be read (${errorMessage(error)})`);
  }
}

/** A value of hyparquet in the form of this package: integers as numbers where they fit. */
function toValue(value: unknown): Value {
  if (value === null || value === undefined) return null;
  if (typeof value === 'bigint')
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
  if (typeof value !== 'object' || value instanceof Uint8Array) return value as Value;
  if (Array.isArray(value)) return value.map(toValue);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, toValue(member)]));
}

/**
 * A promise that never counts as unhandled, and neither do those that follow from it. hyparquet reads all columns of a row group at once,
 * and where it cannot go on, it leaves the others behind: their failure would end the process.
 */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  const then: Promise<T>['then'] = (...callbacks) =>
    handled(Promise.prototype.then.apply(promise, callbacks as [])) as never;
  return Object.defineProperty(promise, 'then', { value: then });
}

async function openParquet(source: ByteSource, _like?: OpenShard, known?: unknown): Promise<OpenShard> {
  const { url, size } = source;
  const file = {
    byteLength: size,
    slice(from: number, to = size): Promise<ArrayBuffer> {
      const [start, end] = [from < 0 ? size + from : from, Math.min(to, size)];
      if (!(start >= 0 && start <= end))
        return handled(Promise.reject(new Error(`it refers to bytes ${start} to ${end} of ${size}`)));
      return handled(
        source.read(start, end).then(
          ({ buffer }) => buffer,
          (error: Error) => {
            throw new UnreachableError(error.message, { cause: error });
          },
        ),
      );
    },
  };
  const index = (known as ParquetIndex | undefined) ?? (await explain(url, size, () => readIndex(source)));
  const { metadata, own, leaves } = await explain(url, size, async () => {
    const metadata = metadataOf(index);
    return { metadata, own: ownFeatures(metadata), leaves: leavesOf(metadata.schema) };
  });
  return {
    url,
    format: 'parquet',
    size,
    tag: source.tag,
    features: featuresOf(own, metadata, url),
    index,
    blocks: Array.from(index.rows, (rows, group) => ({ rows, bytes: bytesOf(index, index.compressed, group) })),
    async block(group, columns) {
      const rows = index.rows[group] ?? 0;
      let found: Record<string, unknown>[];
      try {
        const chunks = chunksOf(index, group, leaves, columns);
        const row_groups = [{ columns: chunks, num_rows: BigInt(rows), total_byte_size: 0n }];
        found = await parquetReadObjects({
          file,
          // Of this row group alone: hyparquet would look at all others for each.
          metadata: { ...metadata, row_groups, num_rows: BigInt(rows) },
          rowStart: 0,
          rowEnd: rows,
          columns: [...columns],
          compressors,
          // Binary columns stay bytes; text columns are marked as such in the file.
          utf8: false,
        });
      } catch (error) {
        if (error instanceof UnreachableError) throw error;
        throw new DamagedRowsError(`${url}: row group ${group} is damaged (${errorMessage(error)})`);
      }
      if (found.length !== rows)
        throw new DamagedRowsError(
          `${url}: row group ${group} is damaged: it has ${found.length} rows instead of ${rows}`,
        );
      const wanted = leaves.map(({ path }) => columns.includes(path[0] ?? ''));
      return {
        held: bytesOf(index, index.uncompressed, group, wanted),
        row: (row) => Object.fromEntries(columns.map((column) => [column, toValue(found[row]?.[column])])) as Row,
      };
    },
    close: () => source.close(),
  };
}

/** The sum over a row group's columns, or over those that are wanted. */
function bytesOf(
  { leaves }: ParquetIndex,
  bytes: Float64Array | Float32Array,
  group: number,
  wanted?: readonly boolean[],
): number {
  let sum = 0;
  for (let leaf = 0; leaf < leaves; leaf++) if (wanted?.[leaf] ?? true) sum += bytes[group * leaves + leaf] ?? 0;
  return sum;
}

/** @throws ParquetFileError for what is wrong with a file's footer */
async function explain<T>(url: string, size: number, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    // A file that cannot be reached says so itself.
    if (errorMessage(error).startsWith(url)) throw error;
    if (error instanceof NotParquetError)
      throw new ParquetFileError(
        url,
        `is not a Parquet file, or is truncated: its ${size} bytes do not end with PAR1; copy it again`,
      );
    throw new ParquetFileError(url, `its footer cannot be read (${errorMessage(error)}); copy it again`);
  }
}

export const parquetFormat: ShardFormat = { title: 'Parquet', endings: ['.parquet', '.pq'], open: openParquet };
