/** Rows that cannot be used: they are counted before training, left out, and refused with `strict`. */
import { existsSync, promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { feature, openDataset, writeDataset } from '@tessera/data';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readExamples } from '../evaluation/examples.ts';
import type { ClassificationResult } from '../evaluation/index.ts';
import { conceptNumbers, pairColumns } from '../evaluation/retrieval/encode-split.ts';
import { loadConfig } from '../load-config.ts';
import { RunFolder } from '../run-folder/run-folder.ts';
import { useTestBackend } from '../testing/backend.ts';
import { type TrainingResult, trainModel } from '../train-model.ts';

let root: string;
beforeAll(async () => {
  useTestBackend();
  root = await fs.mkdtemp(join(tmpdir(), 'usable-rows-'));
});
afterAll(() => fs.rm(root, { recursive: true }));

const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC',
  'base64',
);

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

const settings: Record<string, readonly string[]> = {
  classify: ['model.vision.width=8', 'model.embedDim=8'],
  contrastive: [
    'tokenizer.vocabularySize=560',
    'model.text.contextLength=10',
    'model.text.width=8',
    'model.vision.width=8',
    'model.embedDim=8',
  ],
};

async function train(task: string, dataset: string, ...set: string[]) {
  const said: string[] = [];
  const folder = new RunFolder(join(root, `run-${count++}`));
  const config = await loadConfig({
    preset: task === 'contrastive' ? 'tiny' : 'fashion-classify',
    set: [
      `data.dataset=${dataset}`,
      'data.workers=0',
      'data.augmentation=null',
      'training.batchSize=2',
      'training.epochs=1',
      'schedule.warmupSteps=1',
      'runtime.peakGflops=1',
      ...(settings[task] ?? []),
      ...set,
    ],
  });
  const listener = { say: (message: string) => said.push(message) };
  const run = (): Promise<TrainingResult> => trainModel({ config, dataset, folder, resume: null, listener });
  return { run, said, folder };
}

const good: Rows = { labels: [0, 1, 2, 0, 1, 2] };

describe('labels', () => {
  it('rows without a label are counted and left out', async () => {
    const data = await write({ labels: [0, null, 2, 1, -1, 1] }, { labels: [0, null, 2] });
    const { run, said } = await train('classify', data);
    const { results, skippedRows } = await run();
    expect(said).toContain('train: 2 of 6 rows cannot be used; row 1: there is no label');
    expect(said).toContain('test: 1 of 3 rows cannot be used; row 1: there is no label');
    expect(skippedRows).toBe(2);
    expect((results as ClassificationResult[]).map(({ labels }) => labels)).toEqual([[0, 2]]);
  });

  it('with strict, the first of them is an error before training, and no folder is left behind', async () => {
    const data = await write(good, { labels: [0, 1, null] });
    const { run, folder } = await train('classify', data, 'data.strict=true');
    await expect(run()).rejects.toThrow(/split "test", row 2: there is no label$/);
    expect(existsSync(folder.path)).toBe(false);
  });

  it('a split without labels is not evaluated, unless it was named', async () => {
    const data = await write(good, { labels: [-1, -1] });
    const { run, said } = await train('classify', data);
    expect((await run()).results).toEqual([]);
    expect(said).toContain('test is not evaluated: none of its 2 rows can be used (there is no label)');
    const named = await train('classify', data, 'evaluation.splits=[test]');
    await expect(named.run()).rejects.toThrow(/split "test": none of its 2 rows can be used; row 0: there is no label/);
  });

  it('classes are compared by name', async () => {
    const data = await write(good, { names: ['blue', 'red', 'green'], labels: [0, 0, 0, 1, 2, 2] });
    const { run } = await train('classify', data);
    const [result] = (await run()).results as ClassificationResult[];
    expect(result?.labels).toEqual([2, 2, 2, 0, 1, 1]);
    expect(result?.classNames).toEqual(['red', 'green', 'blue']);
  });

  it('a class that the model does not know is an error before training', async () => {
    const data = await write(good, { names: ['red', 'violet'], labels: [0, 1] });
    const { run } = await train('classify', data);
    await expect(run()).rejects.toThrow(
      'split "test": column "label" has 1 of 2 classes that the model does not know: violet; the model\'s classes are red, green, blue',
    );
  });
});

describe('captions', () => {
  it('a caption that is empty after cleaning is counted and left out', async () => {
    const captions = ['a red dot', '&nbsp;', 'a dot', '\u200b\ufeff', '&amp;nbsp;', '!'];
    const data = await write({ labels: good.labels, captions }, { labels: [0, 1], captions: ['a dot', ' '] });
    const { run, said } = await train('contrastive', data);
    expect((await run()).skippedRows).toBe(2);
    expect(said).toContain('train: 2 of 6 rows cannot be used; row 1: the caption is empty');
    expect(said).toContain('test: 1 of 2 rows cannot be used; row 1: the caption is empty');
  });

  it('captions that differ only in case, spacing or entities are of one concept', async () => {
    const captions = ['a red dot', 'A RED  DOT', 'a&nbsp;red dot', 'another'];
    const path = await write(good, { labels: [0, 0, 0, 1], captions });
    using dataset = await openDataset(path);
    const options = { columns: pairColumns, imageSize: 1, batchSize: 8, strict: true, workers: 0, limit: null };
    const concepts = conceptNumbers();
    await readExamples(dataset.split('test'), options, async (batch) => {
      expect([...Array.from(concepts(batch))]).toEqual([0, 0, 0, 1]);
    });
  });
});
