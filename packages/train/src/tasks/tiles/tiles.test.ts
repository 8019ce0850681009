import { expect, it } from 'vitest';
import { loadRun } from '../../load-run.ts';
import { sceneFiles } from '../../testing/scene-files.ts';
import { testTask } from '../../testing/task-suite.ts';

const set = [
  'data={pictureSize: 12, sceneSize: [16, 24]}',
  'model={tileSize: 8, patchSize: 4, width: 16, layers: 1, readerLayers: 1, heads: 2}',
  'optimizer.lr=1e-2',
  'mixup={mixupAlpha: 0.2, cutmixAlpha: 0.2, offEpoch: 3}',
  'loss.classWeights=balanced',
  'training.epochs=6',
];

const runs = testTask({
  preset: 'tiles',
  set,
  filesOf: (images) => sceneFiles(images, { picture: 12, height: 16, width: 24 }),
});

it('sees a scene as six tiles and a thumbnail, or reduced to one tile', async () => {
  const { subject } = await loadRun(runs.folder('run').path);
  expect(subject.facts.Tiles).toBe('2 x 3 of 8 x 8 pixels, and a thumbnail');
  await runs.train({ name: 'thumbnail', set: ['model.maxTiles=1', 'training.epochs=1'] });
  const reduced = await loadRun(runs.folder('thumbnail').path);
  expect(reduced.subject.facts.Tiles).toBe('1 x 1 of 8 x 8 pixels');
});
