/** The weights of resizing, in the fixed-point numbers of Pillow. */

/** Cubic convolution with a = -0.5 (Keys 1981), which Pillow calls bicubic. Its support is 2. */
export function cubic(x: number): number {
  const a = -0.5;
  const t = Math.abs(x);
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  if (t < 2) return (((t - 5) * t + 8) * t - 4) * a;
  return 0;
}

/** Bits behind the binary point of a weight. */
export const weightBits = 22;

/** For each output position: the first input position, and the weights of that position and the following ones. */
export interface Taps {
  readonly first: Int32Array;
  /** `count` weights per output position, times 2^22; after its last one, a position has zeros. */
  readonly weights: Int32Array;
  /** The largest number of input positions of any output position. */
  readonly count: number;
}

/** Rounded to the nearest number of 2^-22, halves away from zero. */
const fixed = (weight: number): number => Math.trunc(weight * 2 ** weightBits + (weight < 0 ? -0.5 : 0.5));

/**
 * The weights for resizing the interval [start, start + extent) of `length` input positions to `size` output positions: `precompute_coeffs`
 * and `normalize_coeffs_8bpc` of Pillow's Resample.c, which keeps the interval in f32. When the image shrinks, the kernel widens by the same
 * factor, which prevents aliasing.
 */
function computeTaps(length: number, start: number, extent: number, size: number): Taps {
  const from = Math.fround(start);
  const step = Math.fround(Math.fround(start + extent) - from) / size;
  const stretch = Math.max(step, 1);
  const support = 2 * stretch;
  const scale = 1 / stretch;
  const bounds = (i: number): { center: number; low: number; high: number } => {
    const center = from + (i + 0.5) * step;
    return {
      center,
      low: Math.max(0, Math.trunc(center - support + 0.5)),
      high: Math.min(length, Math.trunc(center + support + 0.5)),
    };
  };
  let count = 0;
  for (let i = 0; i < size; i++) {
    const { low, high } = bounds(i);
    count = Math.max(count, high - low);
  }
  const first = new Int32Array(size);
  const weights = new Int32Array(size * count);
  const exact = new Float64Array(count);
  for (let i = 0; i < size; i++) {
    const { center, low, high } = bounds(i);
    first[i] = low;
    let sum = 0;
    for (let j = low; j < high; j++) {
      const weight = cubic((j - center + 0.5) * scale);
      exact[j - low] = weight;
      sum += weight;
    }
    for (let j = low; j < high; j++) weights[i * count + j - low] = fixed((exact[j - low] as number) / sum);
  }
  return { first, weights, count };
}

/** Cached weights, oldest first: the images of a dataset often have the same size. */
const keptTaps = new Map<string, Taps>();
const mostKeptTaps = 64;

/** The weights for an interval. Those of whole images are kept. */
export function resizeTaps(length: number, start: number, extent: number, size: number): Taps {
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
