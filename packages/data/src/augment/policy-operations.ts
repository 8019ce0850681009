/**
 * The operations of automatic augmentation (AutoAugment: Cubuk et al. 2019), as torchvision computes them on images of bytes. Each one
 * changes an image in place.
 */

/** An RGB image, 3 bytes for each pixel. */
export interface Picture {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/** Weights of R, G and B in torchvision's gray. */
const gray = (r: number, g: number, b: number): number => Math.floor(0.2989 * r + 0.587 * g + 0.114 * b);

/** Rounded towards zero, as a cast to bytes does; clamped to [0, 255]. */
const toByte = (value: number): number => (value <= 0 ? 0 : value >= 255 ? 255 : Math.trunc(value));

/** Both terms of factor x + (1 - factor) y in f32 for each byte, as torchvision computes them. */
function mixture(factor: number): { readonly own: Float32Array; readonly rest: number } {
  const f = Math.fround(factor);
  return { own: Float32Array.from({ length: 256 }, (_, x) => f * x), rest: Math.fround(1 - factor) };
}

/** The mixture of each byte with one value. */
function mixtureTable(factor: number, value: number): Uint8Array {
  const { own, rest } = mixture(factor);
  const added = Math.fround(rest * value);
  return Uint8Array.from(own, (term) => toByte(Math.fround(term + added)));
}

/** Replaces each byte of a channel, or of all channels, by its entry in the table. */
function mapBytes(data: Uint8ClampedArray, table: Uint8Array, first = 0, step = 1): void {
  for (let i = first; i < data.length; i += step) data[i] = table[data[i] as number] as number;
}

export function brightness({ data }: Picture, factor: number): void {
  mapBytes(data, mixtureTable(factor, 0));
}

/** Blends with each pixel's own gray. */
export function saturation({ data }: Picture, factor: number): void {
  const { own, rest } = mixture(factor);
  for (let i = 0; i < data.length; i += 3) {
    const [r, g, b] = [data[i] as number, data[i + 1] as number, data[i + 2] as number];
    const level = Math.fround(rest * gray(r, g, b));
    data[i] = toByte(Math.fround((own[r] as number) + level));
    data[i + 1] = toByte(Math.fround((own[g] as number) + level));
    data[i + 2] = toByte(Math.fround((own[b] as number) + level));
  }
}

/** Blends with the mean gray of the image. */
export function contrast({ data }: Picture, factor: number): void {
  let sum = 0;
  for (let i = 0; i < data.length; i += 3) sum += gray(data[i] as number, data[i + 1] as number, data[i + 2] as number);
  mapBytes(data, mixtureTable(factor, sum / (data.length / 3)));
}

/** Blends with the image smoothed by [1 1 1; 1 5 1; 1 1 1] / 13. Pixels at the border stay. */
export function sharpness({ data, width, height }: Picture, factor: number): void {
  if (width <= 2 || height <= 2) return;
  const smooth = data.slice();
  const row = width * 3;
  // The sums of three bytes above each other.
  const sums = new Int32Array(row);
  for (let y = 1; y < height - 1; y++) {
    const at = y * row;
    for (let i = 0; i < row; i++)
      sums[i] = (data[at + i - row] as number) + (data[at + i] as number) + (data[at + i + row] as number);
    for (let i = 3; i < row - 3; i++) {
      const sum = (sums[i - 3] as number) + (sums[i] as number) + (sums[i + 3] as number);
      smooth[at + i] = (sum + 4 * (data[at + i] as number)) / 13;
    }
  }
  const { own, rest } = mixture(factor);
  const added = Float32Array.from({ length: 256 }, (_, y) => rest * y);
  for (let i = 0; i < data.length; i++)
    data[i] = toByte(Math.fround((own[data[i] as number] as number) + (added[smooth[i] as number] as number)));
}

/** Keeps the `bits` highest bits of each byte. */
export function posterize({ data }: Picture, bits: number): void {
  const mask = 256 - 2 ** (8 - bits);
  mapBytes(
    data,
    Uint8Array.from({ length: 256 }, (_, value) => value & mask),
  );
}

/** Inverts the bytes that are not below `threshold`. */
export function solarize({ data }: Picture, threshold: number): void {
  mapBytes(
    data,
    Uint8Array.from({ length: 256 }, (_, value) => (value >= threshold ? 255 - value : value)),
  );
}

/** Stretches each channel to [0, 255]. */
export function autoContrast({ data }: Picture): void {
  for (let channel = 0; channel < 3; channel++) {
    let [low, high] = [255, 0];
    for (let i = channel; i < data.length; i += 3) {
      const value = data[i] as number;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (low >= high) continue;
    const scale = Math.fround(Math.fround(1 / (high - low)) * 255);
    const stretched = (_: unknown, value: number): number => toByte(Math.fround((value - low) * scale));
    mapBytes(data, Uint8Array.from({ length: 256 }, stretched), channel, 3);
  }
}

/** Makes the histogram of each channel as flat as possible, as Pillow does. */
export function equalize({ data }: Picture): void {
  for (let channel = 0; channel < 3; channel++) {
    const histogram = new Uint32Array(256);
    for (let i = channel; i < data.length; i += 3) {
      const level = data[i] as number;
      histogram[level] = (histogram[level] as number) + 1;
    }
    const last = histogram.findLast((count) => count > 0) ?? 0;
    const step = Math.floor((data.length / 3 - last) / 255);
    if (step === 0) continue;
    let sum = Math.floor(step / 2);
    const table = Uint8Array.from(histogram, (count) => {
      const level = Math.min(255, Math.floor(sum / step));
      sum += count;
      return level;
    });
    mapBytes(data, table, channel, 3);
  }
}

/** x' = a x + b y + tx, y' = c x + d y + ty, in pixels from the image's center: where each output pixel comes from. */
export type AffineMap = readonly [a: number, b: number, tx: number, c: number, d: number, ty: number];

/** Shears by `slope` pixels for each pixel, from the upper left corner. */
export const shearXMap = (slope: number, _: number, height: number): AffineMap => [
  1,
  slope,
  (slope * height) / 2,
  0,
  1,
  0,
];
export const shearYMap = (slope: number, width: number): AffineMap => [1, 0, 0, slope, 1, (slope * width) / 2];

/** Shifts the content by whole pixels to the right, or down. */
export const translateXMap = (pixels: number): AffineMap => [1, 0, -Math.trunc(pixels), 0, 1, 0];
export const translateYMap = (pixels: number): AffineMap => [1, 0, 0, 0, 1, -Math.trunc(pixels)];

/** Rotates counter-clockwise about the center. */
export function rotationMap(degrees: number): AffineMap {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return [cos, -sin, 0, sin, cos, 0];
}

/** Moves each pixel to where the map says, by the nearest pixel; `fill` comes from outside of the image. */
export function transform({ data, width, height }: Picture, map: AffineMap, fill: readonly number[]): void {
  const source = data.slice();
  const [a, b, tx, c, d, ty] = map;
  const fromX = (x: number, y: number): number => roundHalfEven(a * x + b * y + tx + width / 2 - 0.5);
  const fromY = (x: number, y: number): number => roundHalfEven(c * x + d * y + ty + height / 2 - 0.5);
  // Shifts and shears leave columns or rows together, so that one number is enough for each.
  const columns = Int32Array.from({ length: b === 0 ? width : 0 }, (_, column) => fromX(column + 0.5 - width / 2, 0));
  const [red = 0, green = 0, blue = 0] = fill;
  for (let row = 0, at = 0; row < height; row++) {
    const y = row + 0.5 - height / 2;
    const fixedY = c === 0 ? fromY(0, y) : 0;
    for (let column = 0; column < width; column++, at += 3) {
      const x = column + 0.5 - width / 2;
      const sourceX = b === 0 ? (columns[column] as number) : fromX(x, y);
      const sourceY = c === 0 ? fixedY : fromY(x, y);
      if (sourceX >= 0 && sourceX < width && sourceY >= 0 && sourceY < height) {
        const from = (sourceY * width + sourceX) * 3;
        data[at] = source[from] as number;
        data[at + 1] = source[from + 1] as number;
        data[at + 2] = source[from + 2] as number;
      } else {
        data[at] = red;
        data[at + 1] = green;
        data[at + 2] = blue;
      }
    }
  }
}

/** To the nearest whole number, halves to the even one. What differs from a half by rounding errors counts as a half. */
export function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (Math.abs(rest - 0.5) > 1e-6) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}
