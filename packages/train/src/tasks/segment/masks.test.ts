// Segmentation by the masks of a data set.
import { promises as fs } from 'node:fs';
import { feature, writeDataset } from '@tessera/data';
import { writeTinyScenes } from '@tessera/data/testing/tiny-scenes';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { testTask } from '../../testing/task-suite.ts';

const runs = testTask({
  preset: 'segment',
  writeData: writeTinyScenes,
  set: [
    'model={imageSize: 16, patchSize: 4, width: 16, layers: 2, heads: 2, features: [0, -1]}',
    'data.augmentation={crop: {scale: [0.7, 1], ratio: [1, 1.5]}, flip: 0.5}',
    'optimizer.lr=1e-2',
    'training.epochs=6',
  ],
});

it('does not count the pixels that are ignored', async () => {
  const { measures } = JSON.parse(await fs.readFile(runs.folder('run').evaluation, 'utf8'));
  const [{ classNames, perClass, values }] = measures;
  expect(classNames).toEqual(['background', 'square', 'circle']);
  const support = perClass.map((each: { support: number }) => each.support) as number[];
  const counted = support.reduce((sum, each) => sum + each, 0);
  // Of 36 rows one is ignored; of the 16 rows of a picture the first one comes from row 1.
  expect(counted).toBe(12 * 16 * 16);
  expect((support[0] ?? 0) / counted).toBeCloseTo(values.background, 6);
});

it('takes names of classes from the settings, and needs them where the data set has none', async () => {
  const data = `${runs.data}-plain`;
  const image = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  const rows = (count: number) =>
    Array.from({ length: count }, (_, k) => {
      const mask = new Uint8Array(64).fill(k % 3);
      if (k % 2 === 0) mask.fill(255, 0, 32);
      return { image, mask };
    });
  const encoded = async (count: number) =>
    Promise.all(
      rows(count).map(async ({ image: picture, mask }) => ({
        image: picture,
        mask: await sharp(mask, { raw: { width: 8, height: 8, channels: 1 } })
          .toColourspace('b-w')
          .png()
          .toBuffer(),
      })),
    );
  await writeDataset(
    data,
    { features: { image: feature.image(), mask: feature.image() } },
    { train: await encoded(12), test: await encoded(12) },
  );
  const short = ['training.epochs=1'];
  await expect(runs.train({ name: 'unnamed', data, set: short })).rejects.toThrow(
    "the names of the masks' classes are not stored in this data set",
  );
  await expect(runs.train({ name: 'few', data, set: [...short, 'data.classes=[road, car]'] })).rejects.toThrow(
    /row \d+ has the class 2 in its mask; the 2 classes are 0 to 1/,
  );
  const { results } = await runs.train({ name: 'named', data, set: [...short, 'data.classes=[road, car, sky]'] });
  const { measures } = JSON.parse(await fs.readFile(runs.folder('named').evaluation, 'utf8'));
  expect(results).toHaveLength(1);
  expect(measures[0].perClass.map((each: { support: number }) => each.support)).toEqual([
    // Four masks of each class in pictures of 16 x 16; two of them are half ignored.
    ...[6, 6, 6].map((halves) => (halves * 256) / 2),
  ]);
});
