import type { AugmentationDraw } from './options.ts';

/** Luma of linear combinations of R, G and B (ITU-R BT.601), as Pillow's and torchvision's grey. */
const luma = [0.299, 0.587, 0.114] as const;

/** A 3 x 3 matrix, row after row. */
type Matrix3 = readonly [number, number, number, number, number, number, number, number, number];

function multiply(a: Matrix3, b: Matrix3): Matrix3 {
  const at = (i: number, j: number): number =>
    [0, 1, 2].reduce((sum, k) => sum + (a[i * 3 + k] as number) * (b[k * 3 + j] as number), 0);
  return [at(0, 0), at(0, 1), at(0, 2), at(1, 0), at(1, 1), at(1, 2), at(2, 0), at(2, 1), at(2, 2)];
}

/** Blends each colour with its grey: s 1 leaves it, 0 makes it grey. */
function saturationMatrix(s: number): Matrix3 {
  const [r, g, b] = luma.map((weight) => (1 - s) * weight) as [number, number, number];
  return [r + s, g, b, r, g + s, b, r, g, b + s];
}

/** Turns colours about the grey axis, by Rodrigues' formula: linear, so that it joins the other steps in one matrix. */
function hueMatrix(turns: number): Matrix3 {
  const angle = 2 * Math.PI * turns;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const third = (1 - cos) / 3;
  const side = sin / Math.sqrt(3);
  const [d, p, m] = [cos + third, third + side, third - side];
  return [d, m, p, p, d, m, m, p, d];
}

/**
 * Changes brightness, hue, saturation and contrast, in this order, in place. Contrast is taken about the image's mean grey.
 * All steps together are one affine map of the colours; values are clamped at the end only.
 *
 * @param pixels RGB, 3 bytes a pixel.
 */
export function jitterColors(pixels: Uint8ClampedArray, draw: NonNullable<AugmentationDraw['color']>): void {
  const { brightness, contrast, saturation, hue } = draw;
  const matrix = multiply(saturationMatrix(saturation), hueMatrix(hue)).map(
    (x) => x * brightness,
  ) as unknown as Matrix3;
  // The mean grey after the matrix is the luma of the mean colour after it.
  const mean = meanColor(pixels);
  const row = (i: number): number =>
    (matrix[i * 3] as number) * mean[0] +
    (matrix[i * 3 + 1] as number) * mean[1] +
    (matrix[i * 3 + 2] as number) * mean[2];
  const offset = (1 - contrast) * (luma[0] * row(0) + luma[1] * row(1) + luma[2] * row(2));
  const [m0, m1, m2, m3, m4, m5, m6, m7, m8] = matrix.map((x) => x * contrast) as unknown as Matrix3;
  for (let i = 0; i < pixels.length; i += 3) {
    const r = pixels[i] as number;
    const g = pixels[i + 1] as number;
    const b = pixels[i + 2] as number;
    pixels[i] = m0 * r + m1 * g + m2 * b + offset;
    pixels[i + 1] = m3 * r + m4 * g + m5 * b + offset;
    pixels[i + 2] = m6 * r + m7 * g + m8 * b + offset;
  }
}

function meanColor(pixels: Uint8ClampedArray): [number, number, number] {
  let [r, g, b] = [0, 0, 0];
  for (let i = 0; i < pixels.length; i += 3) {
    r += pixels[i] as number;
    g += pixels[i + 1] as number;
    b += pixels[i + 2] as number;
  }
  const count = Math.max(1, pixels.length / 3);
  return [r / count, g / count, b / count];
}
