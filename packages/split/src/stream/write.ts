/** Writing of a stream of tokens. */
import { SinkStreamWriter } from '@tessera/data/arrow';
import type { TypedArray } from '@tessera/tensor';
import { encodeArray } from '@tessera/tensor/backend';
import { type DataType, type Field, makeData, RecordBatch, Struct, Utf8, vectorFromArray } from 'apache-arrow';
import { checkBatch, countNonFinite, type HandOffBatch, longestId } from './batch.ts';
import { checkHeader, HandOffError, type HandOffHeader } from './header.ts';
import { schemaOf, tensorColumns } from './schema.ts';

/** Smaller chunks are joined; larger ones are sent without a copy. */
const smallChunk = 64 * 1024;

/**
 * Writes batches as an Arrow IPC stream, each as a record batch. The next batch is requested after all chunks of the last one were taken,
 * so that only one batch is in memory.
 *
 * @param batches their arrays must not change until the next batch is requested
 * @returns the stream's bytes, in chunks
 * @throws HandOffError for arrays that do not fit the header, and for numbers that are not finite or too large for the dtype
 */
export async function* writeHandOff(
  header: HandOffHeader,
  batches: AsyncIterable<HandOffBatch> | Iterable<HandOffBatch>,
): AsyncGenerator<Uint8Array, void, undefined> {
  checkHeader(header);
  const schema = schemaOf(header);
  let chunks: Uint8Array[] = [];
  const writer = new SinkStreamWriter((bytes) => chunks.push(bytes));
  const takeChunks = (): Uint8Array[] => {
    const result = joinSmall(chunks);
    chunks = [];
    return result;
  };
  writer.reset(undefined, schema);
  yield* takeChunks();
  for await (const batch of batches) {
    checkBatch(header, batch);
    const children = [...tensorData(header, batch), idData(batch.ids)];
    const type = new Struct(schema.fields);
    writer.write(new RecordBatch(schema, makeData({ type, length: batch.size, nullCount: 0, children })));
    yield* takeChunks();
  }
  writer.finish();
  yield* takeChunks();
}

function tensorData(header: HandOffHeader, batch: HandOffBatch) {
  const stored = encodeArray(header.dtype, batch.tokens);
  const wrong = countNonFinite(header.dtype, stored);
  if (wrong > 0)
    throw new HandOffError(
      `tokens: ${wrong} of ${stored.length} numbers are not finite in ${header.dtype}` +
        (header.dtype === 'f16' ? ', whose largest number is 65504; use bf16 or f32' : ''),
    );
  const arrays: Readonly<Record<string, TypedArray | null>> = {
    tokens: stored,
    mask: batch.mask === null ? null : packBits(batch.mask),
    image: batch.image,
    coordinates: batch.coordinates,
  };
  return tensorColumns(header).map(({ field, elements }) => {
    const child = makeData({
      type: itemType(field),
      length: batch.size * elements,
      nullCount: 0,
      data: arrays[field.name],
    } as never);
    return makeData({ type: field.type, length: batch.size, nullCount: 0, child } as never);
  });
}

/** The type of the elements of a tensor column. */
function itemType(field: Field): DataType {
  const [item] = field.type.children as Field[];
  if (item === undefined) throw new Error(`${field.name}: expected a list`);
  return item.type;
}

function idData(ids: readonly string[]) {
  const long = ids.find((id) => Buffer.byteLength(id) > longestId);
  if (long !== undefined) throw new HandOffError(`id: "${long.slice(0, 40)}..." has more than ${longestId} bytes`);
  const [data] = vectorFromArray(ids, new Utf8()).data;
  return data as NonNullable<typeof data>;
}

/** Packs eight flags into each byte, the lowest bit first. */
function packBits(flags: Uint8Array): Uint8Array {
  const bits = new Uint8Array(Math.ceil(flags.length / 8));
  for (const [i, flag] of flags.entries()) bits[i >> 3] = (bits[i >> 3] ?? 0) | (flag << (i & 7));
  return bits;
}

function joinSmall(chunks: readonly Uint8Array[]): Uint8Array[] {
  const joined: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  const flush = (): void => {
    if (small.length > 0) joined.push(Buffer.concat(small));
    small = [];
  };
  for (const chunk of chunks) {
    if (chunk.byteLength < smallChunk) {
      small.push(chunk);
      continue;
    }
    flush();
    joined.push(chunk);
  }
  flush();
  return joined;
}
