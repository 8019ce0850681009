import { promises as fs } from 'node:fs';
import { expect, it } from 'vitest';
import { sceneFiles } from '../../testing/scene-files.ts';
import { testTask } from '../../testing/task-suite.ts';

const runs = testTask({
  preset: 'detect',
  set: [
    'data.pictureSize=12',
    'model={imageSize: 24, patchSize: 6, width: 16, layers: 1, heads: 2}',
    'optimizer.lr=1e-2',
    'training.epochs=6',
  ],
  filesOf: (images) => sceneFiles(images, { picture: 12, height: 24, width: 24 }),
  // The evaluation takes the surest box, however sure it is.
  request: { scoreThreshold: 0 },
});

it('refuses pictures that are larger than their scenes', async () => {
  await expect(runs.train({ name: 'large', set: ['data.pictureSize=25'] })).rejects.toThrow(
    'data.pictureSize is 25, but a scene has 24 x 24 pixels',
  );
});

it('counts an object as found where class and box are right', async () => {
  const { measures } = JSON.parse(await fs.readFile(runs.folder('run').evaluation, 'utf8'));
  const { perClass, micro, values } = measures[0];
  expect(perClass.map(({ support }: { support: number }) => support)).toEqual([4, 4, 4]);
  expect(micro.recall).toBeCloseTo(values.found, 12);
  expect(micro.precision).toBeCloseTo(values.found, 12);
});
