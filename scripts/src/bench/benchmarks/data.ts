import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { augmentations, DataLoader, openDataset, type Split, usualColumns } from '@tessera/data';
import { median } from '../measure/statistics.ts';
import { writeDrawings } from './drawings.ts';

interface DataRow {
  /** Threads that decode and augment; 0: the training thread does it itself. */
  readonly workers: number;
  /** Whether decoded images were kept from the epoch before. */
  readonly cached: boolean;
  /** Median and best epoch. */
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

/** Images a second that the loader decodes, augments and batches, when nothing else wants them. */
export async function measureData(dataset: string | null, say: (line: string) => void): Promise<DataReport> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-bench-'));
  try {
    const path = dataset ?? join(folder, 'drawings');
    if (dataset === null) {
      say('  drawing a dataset');
      await writeDrawings(path, drawings);
    }
    using opened = await openDataset(path);
    const name = 'train' in opened.splits ? 'train' : Object.keys(opened.splits)[0];
    const split = opened.split(name as string);
    const rows: DataRow[] = [];
    for (const workers of new Set([0, 1, availableParallelism()]))
      for (const cached of [false, true]) {
        say(`  ${workers} workers, ${cached ? 'cached' : 'decoding'}`);
        rows.push(await measureLoader(split, workers, cached));
      }
    return { dataset: dataset ?? 'drawings made for this run', images: split.length, imageSize, batchSize, rows };
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
