import { readTensors } from '@tessera/weights';
import { expect, it } from 'vitest';
import { loadConfig } from '../../load-config.ts';
import type { RunFolder } from '../../run-folder/run-folder.ts';
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

/** The tensors of a run's weights whose names begin with a prefix, by the rest of their names. */
async function tensorsOf(folder: RunFolder, prefix: string): Promise<Map<string, readonly number[]>> {
  const file = await readTensors(folder.model);
  const chosen = file.select((name) => (name.startsWith(prefix) ? name.slice(prefix.length) : null));
  const entries = [...chosen].map(async ([name, value]) => [name, [...(await value.data())]] as const);
  return new Map(await Promise.all(entries));
}

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
  const encoder = await tensorsOf(runs.folder('run'), '');
  const tower = await tensorsOf(folder, 'visual.');
  expect([...tower.keys()].filter((name) => !encoder.has(name))).toEqual(['head.weight', 'head.bias']);
  for (const [name, values] of tower) if (encoder.has(name)) expect(values, name).toEqual(encoder.get(name));
});
