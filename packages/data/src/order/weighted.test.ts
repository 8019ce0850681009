/** Rows that are drawn with replacement: their frequencies, and that a place depends on nothing before it. */
import { promises as fs } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { augmentations } from '../augment/index.ts';
import { type Dataset, openDataset } from '../dataset/dataset.ts';
import { usualColumns } from '../loader/columns.ts';
import { type Batch, DataLoader, type LoaderOptions } from '../loader/loader.ts';
import { writeTinyDataset } from '../testing/tiny-dataset.ts';
import { balancedRowWeights, weightedOrder } from './weighted.ts';

const seed = 3;
const epochOf = (weights: readonly number[], epoch: number, from = seed): number[] => {
  const order = weightedOrder(weights, from);
  return Array.from({ length: order.length }, (_, position) => order.at(epoch, position));
};

describe('weightedOrder', () => {
  it('draws each row in proportion to its weight', () => {
    const weights = [1, 0, 3, 0.5, 0, 5.5];
    const counts = new Float64Array(weights.length);
    const epochs = 4000;
    for (let epoch = 0; epoch < epochs; epoch++)
      for (const place of epochOf(weights, epoch)) counts[place] = (counts[place] ?? 0) + 1;
    const draws = epochs * weights.length;
    // Each count is within four standard deviations.
    for (const [i, weight] of weights.entries()) {
      const p = weight / 10;
      const deviation = Math.abs((counts[i] ?? 0) - draws * p);
      expect(deviation, `seed ${seed}, row ${i}`).toBeLessThanOrEqual(4 * Math.sqrt(draws * p * (1 - p)));
    }
  });

  it('is another order in each epoch, and the same for the same seed and epoch', () => {
    const weights = Array(100).fill(1);
    expect(epochOf(weights, 1)).toEqual(epochOf(weights, 1));
    expect(epochOf(weights, 1)).not.toEqual(epochOf(weights, 2));
    expect(epochOf(weights, 1)).not.toEqual(epochOf(weights, 1, seed + 1));
  });

  it.each([
    [[1, -1], 'weight 1 is -1'],
    [[Number.NaN], 'weight 0 is NaN'],
    [[0, 0], 'all weights are 0'],
  ])('refuses %j', (weights, message) => {
    expect(() => weightedOrder(weights, seed)).toThrow(message);
  });
});

describe('balancedRowWeights', () => {
  it('are one over the number of rows of the class', () => {
    expect([...balancedRowWeights([[0], [1], [0], [0], [2], [2]])]).toEqual([1 / 3, 1, 1 / 3, 1 / 3, 1 / 2, 1 / 2]);
  });

  it('are those of the rarest of several classes; rows without a class are a class', () => {
    expect([...balancedRowWeights([[0, 1], [0], [], [], [0, 2]])]).toEqual([1, 1 / 3, 1 / 2, 1 / 2, 1]);
  });
});

describe('a loader with weights', () => {
  let root: string;
  let dataset: Dataset;
  beforeAll(async () => {
    root = await fs.mkdtemp(path.join(os.tmpdir(), 'weighted-'));
    await writeTinyDataset(path.join(root, 'data'), { damaged: [5] });
    dataset = await openDataset(path.join(root, 'data'));
  });
  afterAll(async () => {
    dataset.close();
    await fs.rm(root, { recursive: true });
  });

  const columns = { image: usualColumns.image, label: usualColumns.label };
  /** 24 rows, of which class 0 has 8. Its first row alone is as frequent as all others together. */
  const weights = Float64Array.from({ length: 24 }, (_, row) => (row === 0 ? 23 : 1));
  const options: LoaderOptions<typeof columns> = {
    ...{ columns, batchSize: 4, imageSize: 16, seed, shuffle: true, weights, workers: 0 },
    augment: augmentations.drawings,
  };
  async function read(changes: Partial<typeof options> = {}, startBatch = 0): Promise<Batch<typeof columns>[]> {
    await using loader = new DataLoader(dataset.split('train'), { ...options, ...changes });
    const batches = [];
    for await (const batch of loader.epoch(1, { startBatch })) batches.push(batch);
    return batches;
  }

  it('has epochs of the usual length, and augments a row differently each time', async () => {
    const batches = await read();
    expect(batches.map(({ size }) => size)).toEqual(Array(6).fill(4));
    const pictures = batches.flatMap(({ indices, columns: { image } }) =>
      [...indices].flatMap((row, k) => (row === 0 ? [image.slice(k * 768, (k + 1) * 768).join()] : [])),
    );
    expect(pictures.length).toBeGreaterThan(6);
    expect(new Set(pictures).size).toBe(pictures.length);
  });

  it('continues where it was left, with any number of workers', async () => {
    const whole = await read();
    expect(await read({}, 4)).toEqual(whole.slice(4));
    expect(await read({ workers: 2 })).toEqual(whole);
  });

  it('divides the places of an epoch between shards', async () => {
    const whole = (await read({ batchSize: 1 })).map(({ columns: { image } }) => image.join());
    const shards = await Promise.all([0, 1].map((index) => read({ batchSize: 1, shard: { index, count: 2 } })));
    const joined = Array.from({ length: 24 }, (_, k) => shards[k % 2]?.[Math.floor(k / 2)]?.columns.image.join());
    expect(joined).toEqual(whole);
  });

  it('refuses weights that do not fit', () => {
    const make = (changes: object) => new DataLoader(dataset.split('train'), { ...options, ...changes });
    expect(() => make({ weights: [1, 2] })).toThrow('2 weights, but 24 rows: expected one for each');
    expect(() => make({ shuffle: false })).toThrow('weights need shuffle: true');
  });
});
