/** Color jitter: brightness, contrast, saturation and hue as one affine map of the colors. */
import type { AugmentationDraw } from './options.ts';

/** Weights of R, G and B in luma (ITU-R BT.601), which Pillow and torchvision use for gray. */
const luma = [0.299, 0.587, 0.114] as const;

type Vector3 = readonly [number, number, number];
/** A 3 x 3 matrix by rows. */
type Matrix3 = readonly [Vector3, Vector3, Vector3];

const dot = (a: Vector3, b: Vector3): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

const apply = ([x, y, z]: Matrix3, v: Vector3): Vector3 => [dot(x, v), dot(y, v), dot(z, v)];

const scaled = (m: Matrix3, factor: number): Matrix3 => {
  const row = ([x, y, z]: Vector3): Vector3 => [x * factor, y * factor, z * factor];
  return [row(m[0]), row(m[1]), row(m[2])];
};

function multiply(a: Matrix3, b: Matrix3): Matrix3 {
  const [[b00, b01, b02], [b10, b11, b12], [b20, b21, b22]] = b;
  const transposed: Matrix3 = [
    [b00, b10, b20],
    [b01, b11, b21],
    [b02, b12, b22],
  ];
  return [apply(transposed, a[0]), apply(transposed, a[1]), apply(transposed, a[2])];
}

/** Blends each color with its gray: s = 1 leaves it unchanged, s = 0 makes it gray. */
function saturationMatrix(s: number): Matrix3 {
  const [r, g, b] = [(1 - s) * luma[0], (1 - s) * luma[1], (1 - s) * luma[2]];
  return [
    [r + s, g, b],
    [r, g + s, b],
    [r, g, b + s],
  ];
}

/** Rotates colors about the gray axis (Rodrigues' formula). It is linear, so it combines with the other steps in one matrix. */
function hueMatrix(turns: number): Matrix3 {
  const angle = 2 * Math.PI * turns;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const third = (1 - cos) / 3;
  const side = sin / Math.sqrt(3);
  const [d, p, m] = [cos + third, third + side, third - side];
  return [
    [d, m, p],
    [p, d, m],
    [m, p, d],
  ];
}

/**
 * Changes brightness, hue, saturation and contrast, in this order, in place. Contrast is relative to the image's mean gray.
 * All steps together are one affine map of the colors; values are clamped only at the end.
 *
 * @param pixels RGB, 3 bytes per pixel.
 */
export function jitterColors(pixels: Uint8ClampedArray, draw: NonNullable<AugmentationDraw['color']>): void {
  const { brightness, contrast, saturation, hue } = draw;
  const matrix = scaled(multiply(saturationMatrix(saturation), hueMatrix(hue)), brightness);
  // The map is linear, so the mean gray after it is the luma of the mapped mean color.
  const offset = (1 - contrast) * dot(luma, apply(matrix, meanColor(pixels)));
  const [[rr, rg, rb], [gr, gg, gb], [br, bg, bb]] = scaled(matrix, contrast);
  for (let i = 0; i < pixels.length; i += 3) {
    const r = pixels[i] as number;
    const g = pixels[i + 1] as number;
    const b = pixels[i + 2] as number;
    pixels[i] = rr * r + rg * g + rb * b + offset;
    pixels[i + 1] = gr * r + gg * g + gb * b + offset;
    pixels[i + 2] = br * r + bg * g + bb * b + offset;
  }
}

function meanColor(pixels: Uint8ClampedArray): Vector3 {
  let [r, g, b] = [0, 0, 0];
  for (let i = 0; i < pixels.length; i += 3) {
    r += pixels[i] as number;
    g += pixels[i + 1] as number;
    b += pixels[i + 2] as number;
  }
  const count = Math.max(1, pixels.length / 3);
  return [r / count, g / count, b / count];
}
