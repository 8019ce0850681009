// Resizing, warping and colors of augmentation.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CounterRandom, purpose } from '../random.ts';
import { jitterColors } from './color.ts';
import { augment, augmentations, type Box, drawAugmentation, type Pixels } from './index.ts';
import { resizeBox } from './resample.ts';
import { warp } from './warp.ts';

/** A pattern without symmetry, the same in every channel up to a shift. */
function pattern(width: number, height: number): Pixels {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) data[(y * width + x) * 3 + c] = (x * 37 + y * 59 + c * 83 + x * y * 7) % 256;
    }
  }
  return { data, width, height };
}

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((worst, value, i) => Math.max(worst, Math.abs(value - (b[i] ?? Number.NaN))), 0);

/** Written by scripts/reference/resize.py with Pillow 12. */
const resized = JSON.parse(readFileSync(new URL('resize.json', import.meta.url), 'utf8')) as {
  width: number;
  height: number;
  contrast: boolean;
  box: Box;
  size: number | [height: number, width: number];
  pixels: string;
}[];

describe('resizing', () => {
  test.each(resized)('has the bits of Pillow: $width x $height to $size, contrast $contrast', (expected) => {
    const image = pattern(expected.width, expected.height);
    if (expected.contrast) image.data = image.data.map((value) => (value > 128 ? 255 : 0));
    const { box, size } = expected;
    const [height, width] = typeof size === 'number' ? [size, size] : size;
    const out = new Uint8ClampedArray(height * width * 3);
    resizeBox(image, box, size, out);
    expect(Buffer.from(out).toString('base64')).toBe(expected.pixels);
    // Mirrored, each row is reversed.
    const mirrored = new Uint8ClampedArray(out.length);
    resizeBox(image, box, size, mirrored, true);
    const pixelAt = (pixels: Uint8ClampedArray, i: number): number[] => [...pixels.subarray(3 * i, 3 * i + 3)];
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        expect(pixelAt(mirrored, y * width + x)).toEqual(pixelAt(out, y * width + width - 1 - x));
  });

  test('one call does not change the next: small images after large ones', () => {
    const [before, after] = [new Uint8ClampedArray(5 * 5 * 3), new Uint8ClampedArray(5 * 5 * 3)];
    const small = pattern(7, 9);
    const box = { left: 0.5, top: 1, width: 6, height: 7.5 };
    resizeBox(small, box, 5, before);
    resizeBox(pattern(900, 700), { left: 0, top: 0, width: 900, height: 700 }, 96, new Uint8ClampedArray(96 * 96 * 3));
    resizeBox(small, box, 5, after);
    expect(after).toEqual(before);
  });
});

describe('warping', () => {
  const straight = { flip: false, matrix: null, shift: [0, 0] as [number, number], color: null };
  const white = [255, 255, 255] as const;

  test.each(['bilinear', 'bicubic'] as const)('%s: without a rotation the image is unchanged', (interpolation) => {
    const image = pattern(8, 8);
    const out = new Uint8ClampedArray(8 * 8 * 3);
    warp(image, { ...straight, box: { left: 0, top: 0, width: 8, height: 8 } }, 8, out, interpolation, white);
    expect([...out]).toEqual([...image.data]);
  });

  test.each(['bilinear', 'bicubic'] as const)(
    '%s: quarter turns, mirrors and shifts move whole pixels',
    (interpolation) => {
      const image = pattern(8, 8);
      const at = (x: number, y: number): number[] =>
        x < 0 || y < 0 || x > 7 || y > 7
          ? [255, 255, 255]
          : [...image.data.subarray((y * 8 + x) * 3, (y * 8 + x) * 3 + 3)];
      const box = { left: 0, top: 0, width: 8, height: 8 };
      const cases = [
        { draw: { ...straight, box, flip: true }, from: (x: number, y: number) => at(7 - x, y) },
        // Counter-clockwise as seen: the output's upper right corner comes from the lower right one.
        {
          draw: { ...straight, box, matrix: [0, -1, 1, 0] as [number, number, number, number] },
          from: (x: number, y: number) => at(7 - y, x),
        },
        {
          draw: { ...straight, box, shift: [0.25, -0.5] as [number, number] },
          from: (x: number, y: number) => at(x - 2, y + 4),
        },
      ];
      for (const { draw, from } of cases) {
        const out = new Uint8ClampedArray(8 * 8 * 3);
        warp(image, draw, 8, out, interpolation, white);
        const expected = Array.from({ length: 64 }, (_, i) => from(i % 8, i >> 3)).flat();
        // The phases between pixels are rounded to 1/256, so a shift out of the frame may mix in a trace of a neighbour.
        expect(largestDifference(out, expected)).toBeLessThanOrEqual(2);
      }
    },
  );

  test('bicubic warping of a box agrees with resizing it, where the scale is about 1', () => {
    // A smooth image, so that the lack of antialiasing makes no difference.
    const image: Pixels = { width: 72, height: 72, data: new Uint8Array(72 * 72 * 3) };
    for (let i = 0; i < image.data.length; i++) {
      const [x, y] = [((i / 3) % 72) | 0, (i / 216) | 0];
      image.data[i] = 128 + 60 * Math.sin(x / 6 + (i % 3)) + 60 * Math.cos(y / 7);
    }
    const box = { left: 3.3, top: 2.1, width: 65.2, height: 66.9 };
    const [warped, resized] = [new Uint8ClampedArray(64 * 64 * 3), new Uint8ClampedArray(64 * 64 * 3)];
    warp(image, { ...straight, box }, 64, warped, 'bicubic', white);
    resizeBox(image, box, 64, resized);
    expect(largestDifference(warped, resized)).toBeLessThanOrEqual(2);
  });

  test.each(['bilinear', 'bicubic'] as const)('%s: the area outside of the image is fill', (interpolation) => {
    const number = fc.double({ min: -5, max: 5, noNaN: true });
    const black: Pixels = { width: 3, height: 4, data: new Uint8Array(36) };
    fc.assert(
      fc.property(fc.tuple(number, number, number, number), number, number, (matrix, tx, ty) => {
        const out = new Uint8ClampedArray(5 * 5 * 3);
        const box = { left: 0, top: 0, width: 3, height: 4 };
        warp(black, { ...straight, matrix, shift: [tx, ty], box }, 5, out, interpolation, white);
        for (let i = 0; i < 25; i++) {
          const [u, v] = [((i % 5) - 2) / 2.5 - 2 * tx, (Math.floor(i / 5) - 2) / 2.5 - 2 * ty];
          const x = 1.5 + 1.5 * (matrix[0] * u + matrix[1] * v);
          const y = 2 + 2 * (matrix[2] * u + matrix[3] * v);
          const beyond = Math.max(-x, x - 3, -y, y - 4);
          // A cubic kernel reaches two pixels from a pixel's center, which is half a pixel inside.
          if (beyond > 1.51) expect(out[i * 3]).toBe(255);
          if (beyond < -1.5) expect(out[i * 3]).toBe(0);
        }
      }),
    );
  });
});

describe('colors', () => {
  const still = { brightness: 1, contrast: 1, saturation: 1, hue: 0 };
  const changed = (change: Partial<typeof still>): number[] => {
    const pixels = Uint8ClampedArray.of(200, 100, 50, 10, 20, 30);
    jitterColors(pixels, { ...still, ...change });
    return [...pixels];
  };

  test('each knob alone', () => {
    expect(changed({})).toEqual([200, 100, 50, 10, 20, 30]);
    expect(changed({ brightness: 0.5 })).toEqual([100, 50, 25, 5, 10, 15]);
    const gray = (r: number, g: number, b: number): number => Math.round(0.299 * r + 0.587 * g + 0.114 * b);
    const [first, second] = [gray(200, 100, 50), gray(10, 20, 30)];
    expect(changed({ saturation: 0 })).toEqual([first, first, first, second, second, second]);
    const mean = Math.round((0.299 * 210 + 0.587 * 120 + 0.114 * 80) / 2);
    expect(changed({ contrast: 0 })).toEqual(Array(6).fill(mean));
    // A third of a turn moves each channel into the next.
    expect(changed({ hue: 1 / 3 })).toEqual([50, 200, 100, 30, 10, 20]);
  });
});

describe('augmentation', () => {
  test('depends only on the stream, and differs between rows', () => {
    const image = pattern(20, 18);
    for (const augmentation of Object.values(augmentations)) {
      const run = (row: number): number[] => {
        const out = new Uint8ClampedArray(16 * 16 * 3);
        augment(image, augmentation, 16, new CounterRandom(3, purpose.augment, 0, row), out);
        return [...out];
      };
      expect(run(1)).toEqual(run(1));
      expect(run(1)).not.toEqual(run(2));
    }
  });

  test('crops stay within the image', () => {
    for (let row = 0; row < 200; row++) {
      const { box } = drawAugmentation(augmentations.clip, 100, 60, new CounterRandom(1, purpose.augment, 0, row));
      const share = (box.width * box.height) / 6000;
      expect(share).toBeLessThanOrEqual(1);
      expect(box.left).toBeGreaterThanOrEqual(0);
      expect(box.left + box.width).toBeLessThanOrEqual(100 + 1e-9);
      expect(box.top + box.height).toBeLessThanOrEqual(60 + 1e-9);
      expect(box.width / box.height).toBeLessThanOrEqual(4 / 3 + 1e-9);
    }
  });
});
