import { promises as fs } from 'node:fs';
import { expect, it } from 'vitest';
import { testTask } from '../../testing/task-suite.ts';

const runs = testTask({
  preset: 'segment',
  set: [
    'model={imageSize: 16, width: 16, layers: 2, heads: 2, features: [0, -1]}',
    'data.background=240',
    'optimizer.lr=1e-2',
    'training.epochs=6',
  ],
});

it('counts the pixels of each class and of the background, and their overlap', async () => {
  const { measures } = JSON.parse(await fs.readFile(runs.folder('run').evaluation, 'utf8'));
  const { classNames, perClass, values } = measures[0] as {
    classNames: string[];
    perClass: { support: number; iou: number; f1: number }[];
    values: Record<string, number>;
  };
  expect(classNames).toEqual(['background', 'circle', 'square', 'bar']);
  expect(perClass.reduce((sum, { support }) => sum + support, 0)).toBe(12 * 16 * 16);
  expect((perClass[0]?.support ?? 0) / (12 * 16 * 16)).toBeCloseTo(values.background ?? Number.NaN, 6);
  // J = F1 / (2 - F1), and the mean is over the four classes.
  for (const { iou, f1 } of perClass) expect(iou).toBeCloseTo(f1 / (2 - f1), 12);
  expect(perClass.reduce((sum, { iou }) => sum + iou / 4, 0)).toBeCloseTo(values.meanIoU ?? Number.NaN, 12);
});
