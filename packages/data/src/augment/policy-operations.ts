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
const toByte = (value: number): number => Math.trunc(Math.min(255, Math.max(0, value)));

/** factor x + (1 - factor) y in f32, as torchvision computes it. */
function mixture(factor: number): (x: number, y: number) => number {
  const [f, rest] = [Math.fround(factor), Math.fround(1 - factor)];
  return (x, y) => toByte(Math.fround(Math.fround(f * x) + Math.fround(rest * y)));
}

/** Mixes each byte with the one that `other` returns for its position. */
function blend(data: Uint8ClampedArray, factor: number, other: (index: number) => number): void {
  const mix = mixture(factor);
  for (let i = 0; i < data.length; i++) data[i] = mix(data[i] as number, other(i));
}

export function brightness({ data }: Picture, factor: number): void {
  blend(data, factor, () => 0);
}

/** Blends with each pixel's own gray. */
export function saturation({ data }: Picture, factor: number): void {
  const mix = mixture(factor);
  for (let i = 0; i < data.length; i += 3) {
    const level = gray(data[i] as number, data[i + 1] as number, data[i + 2] as number);
    for (let k = i; k < i + 3; k++) data[k] = mix(data[k] as number, level);
  }
}

/** Blends with the mean gray of the image. */
export function contrast({ data }: Picture, factor: number): void {
  let sum = 0;
  for (let i = 0; i < data.length; i += 3) sum += gray(data[i] as number, data[i + 1] as number, data[i + 2] as number);
  const mean = sum / (data.length / 3);
  blend(data, factor, () => mean);
}

/** Blends with the image smoothed by [1 1 1; 1 5 1; 1 1 1] / 13. Pixels at the border stay. */
export function sharpness({ data, width, height }: Picture, factor: number): void {
  if (width <= 2 || height <= 2) return;
  const smooth = data.slice();
  const row = width * 3;
  for (let y = 1; y < height - 1; y++)
    for (let i = y * row + 3; i < (y + 1) * row - 3; i++) {
      let sum = 4 * (data[i] as number);
      for (const at of [i - row, i, i + row])
        sum += (data[at - 3] as number) + (data[at] as number) + (data[at + 3] as number);
      smooth[i] = sum / 13;
    }
  blend(data, factor, (i) => smooth[i] as number);
}

/** Keeps the `bits` highest bits of each byte. */
export function posterize({ data }: Picture, bits: number): void {
  const mask = 256 - 2 ** (8 - bits);
  for (let i = 0; i < data.length; i++) data[i] = (data[i] as number) & mask;
}

/** Inverts the bytes that are not below `threshold`. */
export function solarize({ data }: Picture, threshold: number): void {
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (value >= threshold) data[i] = 255 - value;
  }
}

/** Stretches each channel to [0, 255]. */
export function autoContrast({ data }: Picture): void {
  for (let channel = 0; channel < 3; channel++) {
    let [low, high] = [255, 0];
    for (let i = channel; i < data.length; i += 3) {
      low = Math.min(low, data[i] as number);
      high = Math.max(high, data[i] as number);
    }
    if (low >= high) continue;
    const scale = Math.fround(Math.fround(1 / (high - low)) * 255);
    for (let i = channel; i < data.length; i += 3) data[i] = toByte(Math.fround(((data[i] as number) - low) * scale));
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
    for (let i = channel; i < data.length; i += 3) data[i] = table[data[i] as number] as number;
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
  for (let row = 0, at = 0; row < height; row++) {
    const y = row + 0.5 - height / 2;
    for (let column = 0; column < width; column++, at += 3) {
      const x = column + 0.5 - width / 2;
      const fromX = roundHalfEven(a * x + b * y + tx + width / 2 - 0.5);
      const fromY = roundHalfEven(c * x + d * y + ty + height / 2 - 0.5);
      const inside = fromX >= 0 && fromX < width && fromY >= 0 && fromY < height;
      const from = (fromY * width + fromX) * 3;
      for (let k = 0; k < 3; k++) data[at + k] = (inside ? source[from + k] : fill[k]) as number;
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
