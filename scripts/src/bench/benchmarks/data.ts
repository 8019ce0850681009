import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { augmentations, DataLoader, feature, openDataset, type Split, writeDataset } from '@tessera/train';
import sharp from 'sharp';
import { median } from '../measure/statistics.ts';

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

/** Images a second that the loader decodes, augments and batches, when nothing else wants them. */
export async function measureData(dataset: string | null, say: (line: string) => void): Promise<DataReport> {
  const folder = await mkdtemp(join(tmpdir(), 'tessera-bench-'));
  try {
    const path = dataset ?? join(folder, 'drawings');
    if (dataset === null) {
      say('  drawing a dataset');
      await writeDrawings(path);
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

const drawings = 384;

/** Drawings of the size and kind of emoji, as PNG. */
async function writeDrawings(path: string): Promise<void> {
  const side = 96;
  const draw = (row: number): Promise<Buffer> => {
    const hue = (row * 47) % 360;
    const [x, y, r] = [20 + ((row * 7) % 56), 20 + ((row * 13) % 56), 8 + ((row * 5) % 24)];
    const svg =
      `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}">` +
      `<radialGradient id="g"><stop offset="0" stop-color="hsl(${hue},90%,70%)"/><stop offset="1" stop-color="hsl(${hue},80%,40%)"/></radialGradient>` +
      `<circle cx="48" cy="48" r="44" fill="url(#g)"/><circle cx="${x}" cy="${y}" r="${r}" fill="hsl(${hue + 120},70%,50%)"/>` +
      `<rect x="${y}" y="${x}" width="${r}" height="${r}" transform="rotate(${row} 48 48)" fill="hsl(${hue + 240},70%,50%)"/></svg>`;
    return sharp(Buffer.from(svg)).png().toBuffer();
  };
  async function* rows(): AsyncGenerator<Record<string, unknown>> {
    for (let row = 0; row < drawings; row++)
      yield { image: { bytes: await draw(row), path: `${row}.png` }, caption: `drawing number ${row}` };
  }
  const features = { image: feature.image(), caption: feature.value('string') };
  await writeDataset(path, { features }, { train: rows() });
}
