import { expect, it } from 'vitest';
import { loadConfig } from '../../load-config.ts';
import { testTask } from '../../testing/task-suite.ts';
import { trainModel } from '../../train-model.ts';

const runs = testTask({
  preset: 'mae',
  set: [
    'model={imageSize: 16, width: 16, layers: 1, heads: 2, decoder: {width: 8, layers: 1, heads: 2}}',
    'optimizer.lr=1e-2',
    'training.epochs=10',
  ],
});

it('has an encoder that a classifier can start from', async () => {
  const config = await loadConfig({
    set: [
      ...['task=classify', 'model=null', `initialize.checkpoint=${runs.folder('run').path}`, 'initialize.tower=freeze'],
      ...['data.workers=0', 'data.augmentation=null', 'training.batchSize=12', 'training.epochs=1'],
      ...['schedule.warmupSteps=1', 'runtime.peakGflops=1'],
    ],
  });
  const folder = runs.folder('classifier');
  await trainModel({ config, dataset: runs.data, folder, resume: null });
  const encoder = await runs.tensors('run');
  const tower = Object.entries(await runs.tensors('classifier', 'visual.'));
  const missing: string[] = [];
  for (const [name, values] of tower) {
    const inEncoder = name.slice('visual.'.length);
    if (inEncoder in encoder) expect(values, name).toEqual(encoder[inEncoder]);
    else missing.push(inEncoder);
  }
  expect(missing).toEqual(['head.weight', 'head.bias']);
});
