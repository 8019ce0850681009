/** Parquet files as shards, read with hyparquet: a block is a row group. */
import { type FileMetaData, parquetMetadataAsync, parquetReadObjects, parquetSchema, type SchemaTree } from 'hyparquet';
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

const isParquet = (tail: Uint8Array): boolean => new TextDecoder('latin1').decode(tail) === 'PAR1';

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

async function openParquet(source: ByteSource, _like?: OpenShard, index?: unknown): Promise<OpenShard> {
  const { url, size } = source;
  if (index === undefined && (size < 12 || !isParquet(await source.read(size - 4, size))))
    throw new ParquetFileError(
      url,
      `is not a Parquet file, or is truncated: its ${size} bytes do not end with PAR1; copy it again`,
    );
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
  let metadata: FileMetaData;
  let own: Features;
  try {
    metadata =
      (index as FileMetaData | undefined) ?? // Its search for columns of GeoParquet does not end where a number of children is negative.
      (await parquetMetadataAsync(file, { geoparquet: false }));
    own = ownFeatures(metadata);
  } catch (error) {
    throw new ParquetFileError(url, `its footer cannot be read (${errorMessage(error)}); copy it again`);
  }
  const groups = metadata.row_groups;
  const firstRows: number[] = [];
  let rows = 0;
  for (const { num_rows } of groups) {
    firstRows.push(rows);
    rows += Number(num_rows);
  }
  return {
    url,
    format: 'parquet',
    size,
    tag: source.tag,
    features: featuresOf(own, metadata, url),
    index: metadata,
    blocks: groups.map(({ num_rows, columns, total_byte_size }) => ({
      rows: Number(num_rows),
      bytes:
        columns.reduce((sum, { meta_data }) => sum + Number(meta_data?.total_compressed_size ?? 0), 0) ||
        Number(total_byte_size),
    })),
    async block(index, columns) {
      const group = groups[index];
      const rowStart = firstRows[index] ?? 0;
      const rowEnd = rowStart + Number(group?.num_rows ?? 0);
      const held = (group?.columns ?? [])
        .filter(({ meta_data }) => columns.includes(meta_data?.path_in_schema[0] ?? ''))
        .reduce((sum, { meta_data }) => sum + Number(meta_data?.total_uncompressed_size ?? 0), 0);
      // `utf8: false`: binary columns stay bytes; text columns are marked as such in the file.
      const options = { file, metadata, rowStart, rowEnd, columns: [...columns], compressors, utf8: false };
      let found: Record<string, unknown>[];
      try {
        found = await parquetReadObjects(options);
      } catch (error) {
        if (error instanceof UnreachableError) throw error;
        throw new DamagedRowsError(`${url}: row group ${index} is damaged (${errorMessage(error)})`);
      }
      if (found.length !== rowEnd - rowStart)
        throw new DamagedRowsError(
          `${url}: row group ${index} is damaged: it has ${found.length} rows instead of ${rowEnd - rowStart}`,
        );
      return {
        held,
        row: (row) => Object.fromEntries(columns.map((column) => [column, toValue(found[row]?.[column])])) as Row,
      };
    },
    close: () => source.close(),
  };
}

export const parquetFormat: ShardFormat = { title: 'Parquet', endings: ['.parquet', '.pq'], open: openParquet };
