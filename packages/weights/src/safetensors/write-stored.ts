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

/** A tensor that is to be written. Its values are asked for when its turn comes. */
export interface TensorToWrite extends SafetensorsSlot {
  values(): SafetensorsData | Promise<SafetensorsData>;
}

export interface WriteOptions {
  /** Whether to store a checksum of each tensor in the metadata. */
  readonly checksums?: boolean;
}

/** No checksum has more digits. */
const longestChecksum = 2 ** 32 - 1;

/**
 * Writes a safetensors file atomically. The values of a tensor are computed while those of the one before are written.
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
  const write = async (file: Parameters<Parameters<typeof replaceFile>[1]>[0]): Promise<void> => {
    let writing = Promise.resolve();
    // An error is reported where the promise is awaited, not as unhandled before that.
    const start = (bytes: Uint8Array): void => {
      writing = writeFully(file, bytes);
      writing.catch(() => undefined);
    };
    start(first);
    try {
      for (const slot of slots) {
        const bytes = encodeElements({ ...slot, data: await slot.values() });
        if (checksums) sums.set(slot.name, crc32(bytes));
        await writing;
        start(bytes);
      }
    } finally {
      await writing;
    }
    if (checksums) await writeFully(file, header(withChecksums(metadata, sums), first.byteLength), 0);
  };
  await replaceFile(path, write, first.byteLength + dataBytes);
}
