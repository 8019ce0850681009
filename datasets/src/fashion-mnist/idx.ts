/** Reading of IDX files, the format of MNIST and Fashion-MNIST. */
import fsp from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { errorMessage } from '@tessera/data/io';

/** An array of bytes from an IDX file. */
export interface IdxArray {
  shape: number[];
  data: Uint8Array;
}

/**
 * Reads an IDX file of unsigned bytes, gzipped: two zero bytes, the type (8), the number of dimensions, each dimension as a
 * big-endian 32-bit integer, then the values.
 *
 * @param shape the expected shape; null for an axis of any size
 * @throws if the file is missing or damaged, or has another shape
 */
export async function readIdx(file: string, shape: readonly (number | null)[]): Promise<IdxArray> {
  let bytes: Buffer;
  try {
    bytes = gunzipSync(await fsp.readFile(file));
  } catch (error) {
    throw new Error(`${file}: cannot be read (${errorMessage(error)})`);
  }
  const header = 4 + 4 * shape.length;
  if (bytes.length < header || bytes.readUInt32BE(0) !== 0x800 + shape.length) {
    throw new Error(`${file}: is not an IDX file of bytes in ${shape.length} dimensions`);
  }
  const found = shape.map((_, i) => bytes.readUInt32BE(4 + 4 * i));
  const expected = header + found.reduce((a, b) => a * b, 1);
  if (found.some((size, i) => shape[i] !== null && shape[i] !== size) || bytes.length !== expected) {
    throw new Error(
      `${file}: has ${bytes.length} bytes and shape [${found}]; expected shape [${shape.map((size) => size ?? '*')}]`,
    );
  }
  return { shape: found, data: bytes.subarray(header) };
}
