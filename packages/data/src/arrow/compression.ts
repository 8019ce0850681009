/** Compressed buffers of Arrow record batches: LZ4 frames and Zstandard. */
import { decompressZstd } from 'hyparquet-compressors';
import type { Compression } from './messages.ts';

/** A buffer starts with the size of its content as a 64-bit integer; -1: the content follows as it is. */
const prefixBytes = 8;

/** LZ4 cannot make data smaller than this factor; Zstandard has no such limit, so its sizes are only bounded. */
const mostFactor = { lz4: 256, zstd: 2 ** 17 } as const satisfies Record<Compression, number>;

/** The content of a compressed buffer. @throws if the buffer is damaged */
export function decompressBuffer(stored: Uint8Array<ArrayBuffer>, compression: Compression): Uint8Array<ArrayBuffer> {
  if (stored.byteLength === 0) return stored;
  if (stored.byteLength < prefixBytes) throw new Error(`a compressed buffer of ${stored.byteLength} bytes`);
  const size = Number(new DataView(stored.buffer, stored.byteOffset).getBigInt64(0, true));
  const body = stored.subarray(prefixBytes);
  if (size === -1) return stored.slice(prefixBytes);
  if (size < 0 || size > body.byteLength * mostFactor[compression])
    throw new Error(`a buffer of ${body.byteLength} bytes claims to hold ${size}`);
  const content = compression === 'lz4' ? decompressLz4Frame(body, size) : decompressZstd(body, new Uint8Array(size));
  if (content.byteLength !== size) throw new Error(`a buffer holds ${content.byteLength} bytes instead of ${size}`);
  // Typed arrays of several bytes per element need a buffer that starts with the content.
  return Uint8Array.from(content);
}

const frameMagic = 0x184d2204;
const flags = { dictionary: 0x01, contentSize: 0x08, blockChecksum: 0x10 } as const;
const uncompressedBlock = 0x80000000;

/**
 * Decompresses an LZ4 frame (github.com/lz4/lz4, doc/lz4_Frame_format.md). Arrow's C++ library writes blocks that refer to the blocks
 * before them, which decoders of single blocks do not read. Checksums are not compared: Arrow's libraries write none.
 */
function decompressLz4Frame(frame: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.byteLength < 11 || view.getUint32(0, true) !== frameMagic) throw new Error('a buffer is not an LZ4 frame');
  const flag = view.getUint8(4);
  if (flag & flags.dictionary) throw new Error('an LZ4 frame with a dictionary');
  const content = new Uint8Array(size);
  let [from, to] = [7 + (flag & flags.contentSize ? 8 : 0), 0];
  for (;;) {
    const stored = view.getUint32(from, true);
    from += 4;
    if (stored === 0) return content.subarray(0, to);
    const length = stored & ~uncompressedBlock;
    if (length > frame.byteLength - from) throw new Error('an LZ4 block is longer than its frame');
    const block = frame.subarray(from, from + length);
    if (stored & uncompressedBlock) {
      content.set(block, to);
      to += length;
    } else to = decompressLz4Block(block, content, to);
    from += length + (flag & flags.blockChecksum ? 4 : 0);
  }
}

/** Decompresses a block behind the `to` bytes that precede it. Returns the position after its content. */
function decompressLz4Block(block: Uint8Array, content: Uint8Array, to: number): number {
  let at = 0;
  const more = (nibble: number): number => {
    let length = nibble;
    if (nibble !== 15) return length;
    for (let byte = 255; byte === 255; length += byte) {
      if (at >= block.length) throw new Error('an LZ4 block ends within a length');
      byte = block[at++] as number;
    }
    return length;
  };
  for (;;) {
    if (at >= block.length) throw new Error('an LZ4 block ends too early');
    const token = block[at++] as number;
    const literals = more(token >> 4);
    if (literals > block.length - at || literals > content.length - to)
      throw new Error('an LZ4 block is longer than it claims');
    content.set(block.subarray(at, at + literals), to);
    at += literals;
    to += literals;
    // The last sequence has literals only.
    if (at === block.length) return to;
    const offset = (block[at] as number) | ((block[at + 1] ?? 0) << 8);
    at += 2;
    const match = more(token & 15) + 4;
    if (offset === 0 || offset > to || match > content.length - to) throw new Error('an LZ4 block refers to nothing');
    // The match may overlap the bytes that it produces, which repeats them.
    if (offset >= match) content.copyWithin(to, to - offset, to - offset + match);
    else for (let k = 0; k < match; k++) content[to + k] = content[to + k - offset] as number;
    to += match;
  }
}
