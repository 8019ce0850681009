// Predictions with masks and pictures, as JSON.
import type { Prediction } from '@tessera/train';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { drawnPictures, predictionJson } from './prediction-json.ts';

const place = { width: 4, height: 2, box: { left: 0, top: 0, width: 4, height: 2 } };
const mask: Prediction = {
  kind: 'mask',
  mask: { data: Uint8Array.of(0, 1), height: 1, width: 2, place },
  classes: [{ name: 'a', label: 0, share: 1 }],
};

it('bytes are base64, and all else is as it was', () => {
  expect(JSON.parse(JSON.stringify(predictionJson(mask)))).toEqual({
    ...mask,
    mask: { data: 'AAE=', height: 1, width: 2, place },
  });
  const reconstruction = { pixels: Uint8Array.of(1, 2, 3), height: 1, width: 1 };
  const tokens: Prediction = { kind: 'tokens', tokens: [7], grid: [1, 1], reconstruction };
  expect(predictionJson(tokens)).toEqual({ ...tokens, reconstruction: { pixels: 'AQID', height: 1, width: 1 } });
  const caption: Prediction = { kind: 'caption', caption: 'a cat' };
  expect(predictionJson(caption)).toEqual(caption);
});

it('pictures are PNG files in addresses', async () => {
  const image = await sharp({ create: { width: 4, height: 2, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  const pictures = await drawnPictures(image, mask);
  expect(pictures).toHaveLength(2);
  const [, data = ''] = /^data:image\/png;base64,(.*)$/.exec(pictures[0] ?? '') ?? [];
  expect(await sharp(Buffer.from(data, 'base64')).metadata()).toMatchObject({ format: 'png', width: 4, height: 2 });
  expect(await drawnPictures(image, { kind: 'caption', caption: 'a cat' })).toEqual([]);
});
