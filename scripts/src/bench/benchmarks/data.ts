/** The benchmark data: the speed of the data loader. */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { augmentations, DataLoader, openDataset, type Split, usualColumns } from '@tessera/data';
import { median } from '../measure/statistics.ts';
import { writeDrawings } from './drawings.ts';

interface DataRow {
  /** Threads for decoding and augmentation; 0: the training thread itself. */
  readonly workers: number;
  /** Whether decoded images were kept from the previous epoch. */
  readonly cached: boolean;
  /** The speed of the median epoch and of the fastest one. */
  readonly imagesPerSecond: number;
  readonly bestImagesPerSecond: number;
}

export interface DataReport {
  readonly dataset: string;
  readonly images: number;
  readonly imageSize: number;
  readonly batchSize: number;
  readonly rows: readonly DataRow[];
}

const imageSize = 64;
const batchSize = 64;
const epochs = 3;
const drawings = 384;

/** Measures how many images per second the loader decodes, augments and batches, without any training. */
export async function measureData(dataset: string | null, say: (line: string) => void): Promise<DataReport> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-bench-'));
  try {
    const path = dataset ?? join(folder, 'drawings');
    if (dataset === null) {
      say('  drawing a dataset');
      await writeDrawings(path, drawings);
    }
    using opened = await openDataset(path);
    const [first = 'train'] = Object.keys(opened.splits);
    const split = opened.split('train' in opened.splits ? 'train' : first);
    const rows: DataRow[] = [];
    for (const workers of new Set([0, 1, availableParallelism()]))
      for (const cached of [false, true]) {
        say(`  ${workers} workers, ${cached ? 'cached' : 'decoding'}`);
        rows.push(await measureLoader(split, workers, cached));
      }
    return { dataset: dataset ?? 'generated drawings', images: split.length, imageSize, batchSize, rows };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureLoader(split: Split, workers: number, cached: boolean): Promise<DataRow> {
  await using loader = new DataLoader(split, {
    columns: { image: usualColumns.image },
    ...{ batchSize, imageSize, workers },
    augment: augmentations.drawings,
    shuffle: true,
    ...(cached ? {} : { cacheBytes: 0 }),
  });
  const rates: number[] = [];
  // The first epoch starts the workers and fills the cache.
  for (let epoch = 0; epoch <= epochs; epoch++) {
    const start = performance.now();
    let images = 0;
    for await (const batch of loader.epoch(epoch)) images += batch.size;
    if (epoch > 0) rates.push((1000 * images) / (performance.now() - start));
  }
  return { workers, cached, imagesPerSecond: median(rates), bestImagesPerSecond: Math.max(...rates) };
}
