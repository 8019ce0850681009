/** Embeddings as the body of an answer: JSON, float32, or safetensors. */
import { serializeSafetensors } from '@tessera/tensor/safetensors';
import { jsonReply, type Reply, reply } from './reply.ts';
import type { Answers } from './schemas.ts';

/** Embeddings of the images and texts of a request. */
export interface Embeddings {
  readonly dims: number;
  readonly normalized: boolean;
  readonly images: readonly Float32Array[];
  readonly texts: readonly Float32Array[];
}

/** The media types of an answer; the first is the usual one. */
export const embeddingTypes = ['application/json', 'application/octet-stream', 'application/x-safetensors'] as const;
export type EmbeddingType = (typeof embeddingTypes)[number];

/** Nine significant digits determine a float32 exactly, and take half of the digits of a double. */
const shortNumber = (value: number): number => Number(value.toPrecision(9));

/** The rows one after the other, float32 little-endian. */
function bytesOf(rows: readonly Float32Array[], dims: number): Buffer {
  const bytes = Buffer.alloc(4 * dims * rows.length);
  for (const [k, row] of rows.entries())
    for (let d = 0; d < dims; d++) bytes.writeFloatLE(row[d] ?? Number.NaN, 4 * (k * dims + d));
  return bytes;
}

function joined(rows: readonly Float32Array[], dims: number): Float32Array {
  const values = new Float32Array(rows.length * dims);
  for (const [k, row] of rows.entries()) values.set(row, k * dims);
  return values;
}

const encoders: Readonly<Record<EmbeddingType, (embeddings: Embeddings) => Reply>> = {
  'application/json': ({ dims, normalized, images, texts }) => {
    const numbers = (rows: readonly Float32Array[]): number[][] => rows.map((row) => Array.from(row, shortNumber));
    const answer: Answers['embed'] = { dims, normalized, images: numbers(images), texts: numbers(texts) };
    return jsonReply(answer);
  },
  'application/octet-stream': ({ dims, images, texts }) =>
    reply('application/octet-stream', bytesOf([...images, ...texts], dims), {
      'X-Embedding-Shape': `${images.length + texts.length},${dims}`,
      'X-Embedding-Dtype': 'float32-le',
    }),
  'application/x-safetensors': ({ dims, normalized, images, texts }) => {
    const entries = Object.entries({ images, texts }).filter(([, rows]) => rows.length > 0);
    const tensors = entries.map(([name, rows]) => ({
      ...{ name, dtype: 'F32' as const, shape: [rows.length, dims], data: joined(rows, dims) },
    }));
    const bytes = serializeSafetensors(tensors, { normalized: String(normalized) });
    return reply('application/x-safetensors', Buffer.from(bytes));
  },
};

export const encodeEmbeddings = (embeddings: Embeddings, type: EmbeddingType): Reply => encoders[type](embeddings);
