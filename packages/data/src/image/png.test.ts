import sharp from 'sharp';
import { expect, test } from 'vitest';
import { decodeMask } from './mask.ts';
import { type Color, encodePng } from './png.ts';

test('a PNG with a palette keeps its indices, and others show its colors', async () => {
  const palette: Color[] = [
    [0, 0, 0],
    [250, 10, 20],
    [0, 200, 100],
  ];
  const data = Uint8Array.of(0, 1, 2, 2, 1, 0);
  const file = encodePng(data, 3, 2, palette);
  expect(await decodeMask(file)).toEqual({ data, width: 3, height: 2 });
  const { data: shown, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height, info.channels]).toEqual([3, 2, 3]);
  expect([...shown]).toEqual(Array.from(data, (index) => palette[index] ?? []).flat());
});
