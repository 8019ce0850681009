/** Rows that cannot be used: they are counted before training, left out, and refused with `strict`. */
import { existsSync, promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { feature, openDataset, writeDataset } from '@tessera/data';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluateClassifier, labelColumns, withClasses } from './evaluation/classification/evaluate.ts';
import { conceptNumbers, pairColumns } from './evaluation/retrieval/encode-split.ts';
import { readExamples } from './evaluation/examples.ts';
import { loadConfig } from './load-config.ts';
import { RunFolder } from './run-folder/run-folder.ts';
import { useTestBackend } from './testing/backend.ts';
import { type TrainingResult, trainModel } from './train-model.ts';

let root: string;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'usable-rows-'));
});
afterAll(() => fs.rm(root, { recursive: true }));

const pixel = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC', 'base64');

interface Rows {
  readonly names?: readonly string[];
  readonly labels: readonly (number | null)[];
  readonly captions?: readonly string[];
}

let count = 0;
/** Writes a data set of one red pixel in each row. */
async function write(train: Rows, test: Rows): Promise<string> {
  const path = join(root, `data-${count++}`);
  const names = ['red', 'green', 'blue'];
  for (const [split, rows] of Object.entries({ train, test })) {
    const features = {
      image: feature.image(),
      caption: feature.value('string'),
      label: feature.classLabel([...(rows.names ?? names)]),
    };
    const values = rows.labels.map((label, k) => ({
      image: { bytes: pixel, path: null },
      caption: rows.captions?.[k] ?? names[label ?? 0],
      label,
    }));
    await writeDataset(join(path, `${split}-only`), { features }, { [split]: values });
    await fs.cp(join(path, `${split}-only`, split), join(path, split), { recursive: true });
    await fs.rm(join(path, `${split}-only`), { recursive: true });
  }
  await fs.writeFile(join(path, 'dataset_dict.json'), JSON.stringify({ splits: ['train', 'test'] }));
  return path;
}

async function train(dataset: string, task: string, ...set: string[]) {
  const said: string[] = [];
  const folder = new RunFolder(join(root, `run-${count++}`));
  const config = await loadConfig({
    preset: task === 'contrastive' ? 'tiny' : `tiny-${task}`,
    set: [`data.dataset=${dataset}`, 'data.workers=0', 'training.batchSize=3', 'training.epochs=1', 'schedule.warmupSteps=1', 'runtime.peakGflops=1', ...set],
  });
  let result: TrainingResult | Error;
  try {
    result = await trainModel({ config, dataset, folder, resume: null, listener: { say: (message) => said.push(message) } });
  } catch (error) {
    result = error as Error;
  }
  return { result, said, folder };
}
