/** Affine warps of images: each output pixel is interpolated from the source, without antialiasing. */
import type { AugmentationDraw } from './options.ts';
import type { Pixels } from './resample.ts';
import { cubic } from './taps.ts';

/** Weights of the four neighbors, for each of 256 positions between two pixels. */
const phases = 256;
const cubicPhases = Float32Array.from({ length: phases * 4 }, (_, i) => cubic((i & 3) - 1 - (i >> 2) / phases));

/** Width of the border of fill around the image, in pixels: a kernel of four taps fits into it without touching the image. */
const border = 4;

/** The image with a border of fill around it, so that no tap needs a bounds check. The memory is reused from call to call. */
class Framed {
  data = new Uint8Array(0);
  stride = 0;
  frame({ data, width, height }: Pixels, fill: readonly [number, number, number]): void {
    const [framedWidth, framedHeight] = [width + 2 * border, height + 2 * border];
    this.stride = framedWidth * 3;
    const size = this.stride * framedHeight;
    if (this.data.length < size) this.data = new Uint8Array(size);
    const framedData = this.data;
    // The first row is all fill; rows outside of the image are copies of it.
    for (let i = 0; i < this.stride; i += 3) framedData.set(fill, i);
    for (let y = 1; y < framedHeight; y++) {
      const source = y - border;
      const at = y * this.stride;
      if (source < 0 || source >= height) framedData.copyWithin(at, 0, this.stride);
      else {
        framedData.copyWithin(at, 0, border * 3);
        framedData.set(data.subarray(source * width * 3, (source + 1) * width * 3), at + border * 3);
        framedData.copyWithin(at + this.stride - border * 3, 0, border * 3);
      }
    }
  }
}

const framed = new Framed();

/**
 * Draws the part `draw.box` of an image as size x size pixels, rotated, shifted and scaled: each output pixel is mapped back to a
 * point in the image and interpolated there, without antialiasing, so the image should not be much larger than the output.
 *
 * @param out receives size * size * 3 bytes.
 */
export function warp(
  image: Pixels,
  draw: AugmentationDraw,
  size: number,
  out: Uint8ClampedArray,
  interpolation: 'bilinear' | 'bicubic',
  fill: readonly [number, number, number],
): void {
  framed.frame(image, fill);
  const { box, shift, flip } = draw;
  const [a, b, c, d] = draw.matrix ?? [1, 0, 0, 1];
  const [halfWidth, halfHeight] = [box.width / 2, box.height / 2];
  const mirror = flip ? -1 : 1;
  // The center of output pixel (i, j) is at u = (2 i + 1) / size - 1, and v likewise. Its point in the image, in pixels, is
  //   x = center + halfWidth (a (u' - 2 shift) + b (v - 2 shift)),  u' = +-u,
  // which is linear in i and j, and y likewise with c and d.
  const centerX = box.left + halfWidth;
  const centerY = box.top + halfHeight;
  const step = 2 / size;
  const [stepXi, stepXj] = [halfWidth * a * step * mirror, halfWidth * b * step];
  const [stepYi, stepYj] = [halfHeight * c * step * mirror, halfHeight * d * step];
  const u0 = (step / 2 - 1) * mirror - 2 * shift[0];
  const v0 = step / 2 - 1 - 2 * shift[1];
  // A pixel's center is half a pixel away from its corner, and the border shifts everything by its width.
  const startX = centerX + halfWidth * (a * u0 + b * v0) - 0.5 + border;
  const startY = centerY + halfHeight * (c * u0 + d * v0) - 0.5 + border;
  const sample = interpolation === 'bicubic' ? sampleBicubic : sampleBilinear;
  // Points further out are moved to where the kernel just fits into the border: all of it is fill either way.
  const [maxX, maxY] = [image.width + 2 * border - 2.001, image.height + 2 * border - 2.001];
  for (let j = 0; j < size; j++) {
    sample(
      framed.data,
      framed.stride,
      maxX,
      maxY,
      startX + j * stepXj,
      startY + j * stepYj,
      stepXi,
      stepYi,
      size,
      out,
      j * size * 3,
    );
  }
}

/** Samples one output row: `size` points, (stepX, stepY) apart, starting at (x, y). Points outside are moved into the border. */
type SampleRow = (
  data: Uint8Array,
  stride: number,
  maxX: number,
  maxY: number,
  x: number,
  y: number,
  stepX: number,
  stepY: number,
  size: number,
  out: Uint8ClampedArray,
  at: number,
) => void;

const sampleBicubic: SampleRow = (data, stride, maxX, maxY, x, y, stepX, stepY, size, out, at) => {
  for (let i = 0; i < size; i++) {
    const px = Math.min(Math.max(x + i * stepX, 1), maxX);
    const py = Math.min(Math.max(y + i * stepY, 1), maxY);
    const ix = px | 0;
    const iy = py | 0;
    const wx = ((px - ix) * phases) << 2;
    const wy = ((py - iy) * phases) << 2;
    const x0 = cubicPhases[wx] as number;
    const x1 = cubicPhases[wx + 1] as number;
    const x2 = cubicPhases[wx + 2] as number;
    const x3 = cubicPhases[wx + 3] as number;
    let r = 0;
    let g = 0;
    let b = 0;
    let row = (iy - 1) * stride + (ix - 1) * 3;
    for (let k = 0; k < 4; k++) {
      const weight = cubicPhases[wy + k] as number;
      r +=
        weight *
        (x0 * (data[row] as number) +
          x1 * (data[row + 3] as number) +
          x2 * (data[row + 6] as number) +
          x3 * (data[row + 9] as number));
      g +=
        weight *
        (x0 * (data[row + 1] as number) +
          x1 * (data[row + 4] as number) +
          x2 * (data[row + 7] as number) +
          x3 * (data[row + 10] as number));
      b +=
        weight *
        (x0 * (data[row + 2] as number) +
          x1 * (data[row + 5] as number) +
          x2 * (data[row + 8] as number) +
          x3 * (data[row + 11] as number));
      row += stride;
    }
    out[at] = r;
    out[at + 1] = g;
    out[at + 2] = b;
    at += 3;
  }
};

const sampleBilinear: SampleRow = (data, stride, maxX, maxY, x, y, stepX, stepY, size, out, at) => {
  for (let i = 0; i < size; i++) {
    const px = Math.min(Math.max(x + i * stepX, 1), maxX);
    const py = Math.min(Math.max(y + i * stepY, 1), maxY);
    const ix = px | 0;
    const iy = py | 0;
    const fx = px - ix;
    const fy = py - iy;
    const w11 = fx * fy;
    const w10 = fy - w11;
    const w01 = fx - w11;
    const w00 = 1 - fx - fy + w11;
    const top = iy * stride + ix * 3;
    const bottom = top + stride;
    out[at] =
      w00 * (data[top] as number) +
      w01 * (data[top + 3] as number) +
      w10 * (data[bottom] as number) +
      w11 * (data[bottom + 3] as number);
    out[at + 1] =
      w00 * (data[top + 1] as number) +
      w01 * (data[top + 4] as number) +
      w10 * (data[bottom + 1] as number) +
      w11 * (data[bottom + 4] as number);
    out[at + 2] =
      w00 * (data[top + 2] as number) +
      w01 * (data[top + 5] as number) +
      w10 * (data[bottom + 2] as number) +
      w11 * (data[bottom + 5] as number);
    at += 3;
  }
};
