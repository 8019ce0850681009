/** Resizing with antialiasing, with the bits of Pillow. */
import { kernels } from './kernels.ts';
import type { Box } from './options.ts';
import { bytesAtOnce, packTaps, rowsAtOnce } from './resample-code.ts';
import { resizeTaps } from './taps.ts';

/** RGB pixels in rows, one byte per channel, without padding. */
export interface Pixels {
  data: Uint8Array;
  width: number;
  height: number;
}

/** The source is copied to WebAssembly's memory in strips of about this size, which stay in a core's cache. */
const stripBytes = 2 ** 17;

/** What the code may read beyond the end of a row. */
const slack = 64;

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/** Places in memory for parts of the given lengths, in bytes. */
function layOut(...lengths: readonly number[]): { places: number[]; end: number } {
  let end = 0;
  const places = lengths.map((length) => {
    const place = end;
    end += roundUp(length + slack, bytesAtOnce);
    return place;
  });
  return { places, end };
}

/**
 * Resizes the part `box` of an image to size x size pixels, bicubic and antialiased, first horizontally, then vertically, with the bits of
 * Pillow's `resize(..., BICUBIC, box)`.
 *
 * @param size one side, or height and width
 * @param out receives height * width * 3 bytes.
 * @param mirror whether left and right are exchanged
 */
export function resizeBox(
  image: Pixels,
  box: Box,
  size: number | readonly [height: number, width: number],
  out: Uint8ClampedArray,
  mirror = false,
): void {
  const { data, width, height } = image;
  const [high, wide] = typeof size === 'number' ? [size, size] : size;
  const across = packTaps(resizeTaps(width, box.left, box.width, wide), 3, 0, mirror);
  const vertical = resizeTaps(height, box.top, box.height, high);
  const top = vertical.first[0] as number;
  const bottom = Math.min(height, (vertical.first[high - 1] as number) + vertical.count);
  const rowBytes = roundUp(wide * 3, bytesAtOnce);
  // The horizontal pass writes beyond its rows.
  const betweenStride = rowBytes + bytesAtOnce;
  const down = packTaps(vertical, betweenStride, top, false);
  const stride = width * 3;
  const stripRows = roundUp(Math.ceil(Math.max(1, stripBytes / stride)), rowsAtOnce);
  const { places, end } = layOut(
    across.words.byteLength,
    down.words.byteLength,
    (roundUp(bottom - top, rowsAtOnce) + 1) * betweenStride,
    high * rowBytes,
    stripRows * stride,
  );
  const [acrossAt, downAt, between, target, source] = places as [number, number, number, number, number];
  const { run } = kernels();
  const bytes = kernels().bytes(end);
  new Int32Array(bytes.buffer, acrossAt, across.words.length).set(across.words);
  new Int32Array(bytes.buffer, downAt, down.words.length).set(down.words);
  for (let y = top; y < bottom; y += stripRows) {
    const rows = Math.min(stripRows, bottom - y);
    bytes.set(data.subarray(y * stride, (y + rows) * stride), source);
    const to = between + (y - top) * betweenStride;
    run.horizontal(source, stride, rows, to, betweenStride, acrossAt, wide, across.pairs);
  }
  run.vertical(between, betweenStride, target, downAt, high, rowBytes, down.pairs);
  if (rowBytes === wide * 3) out.set(bytes.subarray(target, target + high * rowBytes));
  else
    for (let y = 0; y < high; y++) {
      const row = target + y * rowBytes;
      out.set(bytes.subarray(row, row + wide * 3), y * wide * 3);
    }
}
