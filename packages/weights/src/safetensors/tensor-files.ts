/** Safetensors files on disk. */
import { type DType, type Tensor, tensorBytes } from '@tessera/tensor';
import {
  decodeElements,
  decodeTensor,
  elementBytes,
  readSafetensorsHeader,
  type SafetensorsData,
  type SafetensorsDType,
  type SafetensorsHeader,
} from '@tessera/tensor/safetensors';
import { FileParts } from '../files/file-parts.ts';
import type { StoredTensors } from '../files/stored-tensor.ts';
import { verifyChecksums } from './checksums.ts';
import { firstNotFinite } from './finite.ts';
import { type TensorFile, tensorFile } from './parse-tensors.ts';
import { type TensorToWrite, type WriteOptions, writeStored } from './write-stored.ts';

const fileDTypes = {
  f32: 'F32',
  f64: 'F64',
  f16: 'F16',
  bf16: 'BF16',
  i32: 'I32',
  u8: 'U8',
  bool: 'BOOL',
} as const satisfies Record<DType, SafetensorsDType>;

/**
 * Writes named tensors to a safetensors file, atomically and one after the other: the file may be larger than memory.
 *
 * @param options `checksums`: whether to store a checksum of each tensor in the metadata; `readTensors` verifies them
 * @throws if a value is infinite or NaN; the message names the tensor, and the old file, if any, is unchanged
 */
export async function writeTensors(
  path: string,
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
  options: WriteOptions = {},
): Promise<void> {
  const entries = [...tensors].map(([name, tensor]) => tensorToWrite(path, name, tensor));
  await writeStored(path, entries, metadata, options);
}

/** A tensor for a file. @param path of the file, for messages */
export function tensorToWrite(path: string, name: string, tensor: Tensor): TensorToWrite {
  const { dtype, shape } = tensor;
  return {
    ...{ name, dtype: fileDTypes[dtype], shape },
    async *pieces(next) {
      let first = 0;
      for await (const piece of tensorBytes(tensor, next)) {
        const at = firstNotFinite(dtype, piece);
        if (at >= 0)
          throw new Error(
            `${path}: not written, because ${name} is not finite (element ${first + at} of ${tensor.size} is ${valueAt(dtype, piece, at)}); earlier checkpoints are untouched`,
          );
        first += piece.byteLength / bytesOf(dtype);
        yield piece;
      }
    },
  };
}

const bytesOf = (dtype: DType): number => elementBytes(fileDTypes[dtype]);

const valueAt = (dtype: DType, bytes: Uint8Array, at: number): number =>
  Number(decodeElements(fileDTypes[dtype], bytes.slice(at * bytesOf(dtype), (at + 1) * bytesOf(dtype)))[0]);

/**
 * Reads a safetensors file. Its header and checksums, if it has any, are read at once, the values of a tensor when they are first used:
 * the file may be larger than memory.
 *
 * @throws if it is missing or damaged; the message contains the path and the reason
 */
export const readTensors = async (path: string): Promise<TensorFile> => tensorFile(openSafetensors(path));

/** Opens a safetensors file; see `readTensors`. */
export function openSafetensors(path: string): StoredTensors {
  const file = new FileParts(path);
  try {
    const header = readHeader(file);
    verifyChecksums(file, header);
    const tensors = header.places.map((place) => {
      const { name, dtype, shape, begin, end } = place;
      const read = (): SafetensorsData => about(path, () => decodeTensor(place, file.read(begin, end)).data);
      const borrow = (): SafetensorsData => about(path, () => decodeTensor(place, file.borrow(begin, end)).data);
      return [name, { dtype, shape, read, borrow }] as const;
    });
    return { path, tensors: new Map(tensors), metadata: header.metadata };
  } catch (error) {
    file.close();
    throw error;
  }
}

const readHeader = (file: FileParts): SafetensorsHeader =>
  about(file.path, () => readSafetensorsHeader(file.size, (begin, end) => file.read(begin, end)));

/** The result of `run`. Its errors start with the path. */
function about<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    const { message } = cause as Error;
    throw message.startsWith(`${path}: `) ? cause : new Error(`${path}: ${message}`, { cause });
  }
}
