/** Resizing with antialiasing, bit-compatible with Pillow to within one level. */
import type { Box } from './options.ts';

/** RGB pixels in rows, one byte per channel, without padding. */
export interface Pixels {
  data: Uint8Array;
  width: number;
  height: number;
}

/** Cubic convolution with a = -0.5 (Keys 1981), which Pillow and sharp call bicubic. Its support is 2. */
export function cubic(x: number): number {
  const a = -0.5;
  const t = Math.abs(x);
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  if (t < 2) return (((t - 5) * t + 8) * t - 4) * a;
  return 0;
}

/** For each output position: the first input position, and the weights of that position and the following ones. They sum to 1. */
interface Taps {
  first: Int32Array;
  /** `count` weights per output position, rounded to f32. */
  weights: Float64Array;
  count: number;
}

/**
 * The weights for resizing the interval [start, start + extent) of `length` input positions to `size` output positions. When the
 * image shrinks, the kernel widens by the same factor, which prevents aliasing.
 */
function computeTaps(length: number, start: number, extent: number, size: number): Taps {
  const step = extent / size;
  const stretch = Math.max(step, 1);
  const support = 2 * stretch;
  const count = Math.min(length, Math.ceil(support) * 2 + 1);
  const first = new Int32Array(size);
  const weights = new Float32Array(size * count);
  for (let i = 0; i < size; i++) {
    const center = start + (i + 0.5) * step;
    const low = Math.max(0, Math.floor(center - support + 0.5));
    const high = Math.min(length, Math.floor(center + support + 0.5));
    // A window that reaches past the input's end is moved back, and the positions before `low` get weight 0.
    const from = Math.max(0, Math.min(low, length - count));
    first[i] = from;
    let sum = 0;
    for (let j = low; j < high; j++) sum += cubic((j + 0.5 - center) / stretch);
    for (let j = low; j < high; j++) weights[i * count + j - from] = cubic((j + 0.5 - center) / stretch) / sum;
  }
  return { first, weights: new Float64Array(weights), count };
}

/** Cached weights, oldest first: the images of a dataset often have the same size. */
const keptTaps = new Map<string, Taps>();
const mostKeptTaps = 64;

function resizeTaps(length: number, start: number, extent: number, size: number): Taps {
  // Random crops hardly ever repeat.
  if (start !== 0 || extent !== length) return computeTaps(length, start, extent, size);
  const key = `${length} ${size}`;
  const known = keptTaps.get(key);
  if (known !== undefined) return known;
  const taps = computeTaps(length, start, extent, size);
  const [oldest] = keptTaps.keys();
  if (keptTaps.size >= mostKeptTaps && oldest !== undefined) keptTaps.delete(oldest);
  keptTaps.set(key, taps);
  return taps;
}

/**
 * Resizes the part `box` of an image to size x size pixels, bicubic and antialiased, first horizontally, then vertically, like
 * Pillow's `resize(..., BICUBIC, box)`.
 *
 * @param out receives size * size * 3 bytes.
 */
export function resizeBox(image: Pixels, box: Box, size: number, out: Uint8ClampedArray): void {
  const { data, width, height } = image;
  const across = resizeTaps(width, box.left, box.width, size);
  const down = resizeTaps(height, box.top, box.height, size);
  const top = down.first[0] as number;
  const bottom = Math.min(height, (down.first[size - 1] as number) + down.count);
  const rowLength = size * 3;
  // Pillow, too, rounds between the two passes.
  const between = new Uint8ClampedArray((bottom - top) * rowLength);
  // Each byte is read several times, so it is converted to a number once.
  const line = new Float64Array(width * 3);
  for (let y = top; y < bottom; y++) {
    line.set(data.subarray(y * width * 3, (y + 1) * width * 3));
    let at = (y - top) * rowLength;
    for (let x = 0; x < size; x++) {
      let r = 0;
      let g = 0;
      let b = 0;
      let source = (across.first[x] as number) * 3;
      const end = (x + 1) * across.count;
      for (let k = x * across.count; k < end; k++) {
        const weight = across.weights[k] as number;
        r += weight * (line[source] as number);
        g += weight * (line[source + 1] as number);
        b += weight * (line[source + 2] as number);
        source += 3;
      }
      between[at++] = r;
      between[at++] = g;
      between[at++] = b;
    }
  }
  const rows = new Float64Array(between);
  for (let y = 0; y < size; y++) {
    const from = ((down.first[y] as number) - top) * rowLength;
    const end = (y + 1) * down.count;
    for (let i = 0; i < rowLength; i += 3) {
      let r = 0;
      let g = 0;
      let b = 0;
      let source = from + i;
      for (let k = y * down.count; k < end; k++) {
        const weight = down.weights[k] as number;
        r += weight * (rows[source] as number);
        g += weight * (rows[source + 1] as number);
        b += weight * (rows[source + 2] as number);
        source += rowLength;
      }
      const to = y * rowLength + i;
      out[to] = r;
      out[to + 1] = g;
      out[to + 2] = b;
    }
  }
}
