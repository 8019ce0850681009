/** Writing of safetensors files tensor by tensor, so that only two of them are in memory at a time. */
import { crc32 } from 'node:zlib';
import { replaceFile, writeFully } from '@tessera/data/io';
import {
  encodeElements,
  type SafetensorsData,
  type SafetensorsSlot,
  safetensorsLayout,
} from '@tessera/tensor/safetensors';
import { withChecksums } from './checksums.ts';

/** A tensor that is to be written. Its bytes are asked for when its turn comes. */
export interface TensorToWrite extends SafetensorsSlot {
  /**
   * The bytes, in pieces of any length.
   *
   * @param next returns an array that may be filled with a piece; it is used again after the next piece but one
   */
  pieces(next: () => Uint8Array): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** A tensor whose values are computed at once when its turn comes. */
export const wholeTensor = (slot: SafetensorsSlot, values: () => SafetensorsData): TensorToWrite => ({
  ...slot,
  *pieces() {
    yield encodeElements({ ...slot, data: values() });
  },
});

export interface WriteOptions {
  /** Whether to store a checksum of each tensor in the metadata. */
  readonly checksums?: boolean;
}

/** No checksum has more digits. */
const longestChecksum = 2 ** 32 - 1;

/** Long enough for the disk, short enough for the processor's cache. */
const pieceBytes = 2 ** 22;

/** Two arrays by turns: one is filled while the other is written. */
function twoBuffers(): () => Uint8Array {
  let [one, other] = [new Uint8Array(pieceBytes), new Uint8Array(pieceBytes)];
  return () => {
    [one, other] = [other, one];
    return one;
  };
}

/**
 * Writes a safetensors file atomically. A piece of a tensor is computed while the one before is written.
 *
 * @throws if the values of a tensor cannot be computed, or if the disk is full; then the old file, if any, is unchanged
 */
export async function writeStored(
  path: string,
  tensors: Iterable<TensorToWrite>,
  metadata: Readonly<Record<string, string>> = {},
  { checksums = false }: WriteOptions = {},
): Promise<void> {
  const { slots, dataBytes, header } = safetensorsLayout(tensors);
  const sums = new Map(slots.map(({ name }) => [name, longestChecksum]));
  // The checksums are known at the end. Until then the header has numbers of the greatest length, so that its size does not change.
  const first = header(checksums ? withChecksums(metadata, sums) : metadata);
  const next = twoBuffers();
  const write: Parameters<typeof replaceFile>[1] = async (file) => {
    let writing = Promise.resolve();
    // An error is reported where the promise is awaited, not as unhandled before that.
    const start = (bytes: Uint8Array): void => {
      writing = writeFully(file, bytes);
      writing.catch(() => undefined);
    };
    start(first);
    try {
      for (const slot of slots) {
        let sum = 0;
        for await (const piece of slot.pieces(next)) {
          if (checksums) sum = crc32(piece, sum);
          await writing;
          start(piece);
        }
        sums.set(slot.name, sum);
      }
    } finally {
      await writing;
    }
    if (checksums) await writeFully(file, header(withChecksums(metadata, sums), first.byteLength), 0);
  };
  await replaceFile(path, write, first.byteLength + dataBytes);
}
