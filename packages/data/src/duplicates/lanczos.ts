/** Resizing of gray pictures with Pillow's Lanczos filter, bit for bit (libImaging/Resample.c, 8 bits per channel). */

const support = 3;
/** The fixed point of the weights. */
const precision = 32 - 8 - 2;

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));
const lanczos = (x: number): number => (x > -support && x < support ? sinc(x) * sinc(x / support) : 0);

interface Taps {
  readonly first: Int32Array;
  readonly counts: Int32Array;
  /** [size, most] */
  readonly weights: Int32Array;
  readonly most: number;
}

/** The weights of the input positions for each output position. */
function tapsOf(length: number, size: number): Taps {
  const scale = length / size;
  const stretch = Math.max(scale, 1);
  const reach = support * stretch;
  const most = Math.ceil(reach) * 2 + 1;
  const [first, counts] = [new Int32Array(size), new Int32Array(size)];
  const weights = new Int32Array(size * most);
  for (let i = 0; i < size; i++) {
    const center = (i + 0.5) * scale;
    const low = Math.max(0, Math.trunc(center - reach + 0.5));
    const high = Math.min(length, Math.trunc(center + reach + 0.5));
    const own = Array.from({ length: high - low }, (_, k) => lanczos((k + low - center + 0.5) / stretch));
    const sum = own.reduce((total, weight) => total + weight, 0);
    first[i] = low;
    counts[i] = high - low;
    for (const [k, weight] of own.entries()) {
      const scaled = (sum === 0 ? weight : weight / sum) * 2 ** precision;
      weights[i * most + k] = Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    }
  }
  return { first, counts, weights, most };
}

const rounding = 2 ** (precision - 1);
const clip = (value: number): number => Math.max(0, Math.min(255, value >> precision));

/**
 * Resizes to size x size pixels, first horizontally, then vertically.
 *
 * @param gray u8 [height, width]
 * @returns u8 [size, size]
 */
export function lanczosResize(gray: Uint8Array, width: number, height: number, size: number): Uint8Array {
  const rows = width === size ? gray : new Uint8Array(height * size);
  if (width !== size) {
    const { first, counts, weights, most } = tapsOf(width, size);
    for (let y = 0; y < height; y++)
      for (let x = 0; x < size; x++) {
        let sum = rounding;
        const from = y * width + (first[x] as number);
        for (let k = 0; k < (counts[x] as number); k++)
          sum += (gray[from + k] as number) * (weights[x * most + k] as number);
        rows[y * size + x] = clip(sum);
      }
  }
  if (height === size) return rows;
  const { first, counts, weights, most } = tapsOf(height, size);
  const out = new Uint8Array(size * size);
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      let sum = rounding;
      for (let k = 0; k < (counts[y] as number); k++)
        sum += (rows[((first[y] as number) + k) * size + x] as number) * (weights[y * most + k] as number);
      out[y * size + x] = clip(sum);
    }
  return out;
}
