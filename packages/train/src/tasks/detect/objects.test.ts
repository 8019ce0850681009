// Detection of the objects that a data set has boxes of.
import { promises as fs } from 'node:fs';
import { writeDataset } from '@tessera/data';
import { writeTinyScenes } from '@tessera/data/testing/tiny-scenes';
import { expect, it } from 'vitest';
import { testTask } from '../../testing/task-suite.ts';

const runs = testTask({
  preset: 'detect',
  writeData: writeTinyScenes,
  set: [
    'model={imageSize: 24, patchSize: 6, width: 16, layers: 1, heads: 2}',
    'data.augmentation={crop: {scale: [0.7, 1], ratio: [1, 1.5]}, flip: 0.5}',
    'data.mostObjects=2',
    'optimizer.lr=1e-2',
    'training.epochs=6',
  ],
  // The evaluation names the surest box, however sure it is.
  request: { scoreThreshold: 0 },
});

it('counts objects as COCO does, without crowds and difficult ones', async () => {
  const { detection } = JSON.parse(await fs.readFile(runs.folder('run').evaluation, 'utf8'));
  const [{ count, classNames, perClass, values }] = detection;
  expect({ count, classNames }).toEqual({ count: 12, classNames: ['square', 'circle'] });
  // 1 + scene % 3 shapes in twelve scenes, without the shape of scene 3, a crowd and a difficult object.
  expect(perClass.reduce((sum: number, { objects }: { objects: number }) => sum + objects, 0)).toBe(24 - 1 - 2);
  expect(values.averagePrecisionLarge).toBe(null);
});

it('refuses data without boxes and labels, and augmentation that boxes cannot follow', async () => {
  await expect(runs.train({ name: 'policy', set: ['data.augmentation=trivialaugment'] })).rejects.toThrow(
    'the augmentation policy trivialaugment moves pixels, and objects would not follow',
  );
  const other = `${runs.data}-other`;
  await writeDataset(other, { features: { image: { type: 'image' } } }, { train: [{}], test: [{}] });
  await expect(runs.train({ name: 'other', data: other })).rejects.toThrow(
    'the task detect needs a column for objects (objects, annotations, object) or class labels; its columns are image',
  );
});
