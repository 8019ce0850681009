/** The benchmark loader: images a second that the data loader delivers from JPEG files, in turn with PyTorch's DataLoader. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { augmentations, DataLoader, decodeImage, openDataset, type Split, usualColumns } from '@tessera/data';
import { race } from '../measure/race.ts';
import { median, pairedRatio } from '../measure/statistics.ts';
import { type LoaderPeer, startLoaderPeer } from '../peers/loaders.ts';
import { disagreement } from '../values.ts';
import type { LoaderWork } from '../work.ts';
import { measureStages, type StageRow } from './loader-stages.ts';
import { writePhotographs } from './photographs.ts';

type AugmentationName = LoaderWork['augmentation'];

/** The speed of a loader. */
export interface LoaderRow {
  readonly augmentation: AugmentationName;
  readonly library: string;
  readonly version: string;
  readonly workers: number;
  /** Whether decoded images were kept from the previous epoch. */
  readonly cached: boolean;
  readonly output: LoaderWork['output'];
  /** The speed of the median epoch and of the fastest one. */
  readonly imagesPerSecond: number;
  readonly bestImagesPerSecond: number;
  /** CPU time of all threads and processes in ms per image, of the median epoch; null where the system does not tell. */
  readonly cpuMs: number | null;
  /** Its time divided by that of Tessera with the same workers and without cached images, the median over paired rounds. */
  readonly ratio: number;
  /** How its pixels differ from ours; null if they agree. */
  readonly disagreement: string | null;
}

export interface LoaderReport {
  readonly images: number;
  readonly imageSize: number;
  readonly batchSize: number;
  readonly rows: readonly LoaderRow[];
  readonly stages: readonly StageRow[];
}

export interface LoaderOptions {
  /** The largest number of workers. */
  readonly workers: number;
  /** Epochs of each loader. */
  readonly rounds: number;
  readonly withTorch: boolean;
  /** The number of images. */
  readonly images?: number;
  readonly say: (line: string) => void;
}

const imageSize = 224;
const batchSize = 32;
const defaultImages = 256;
/** The cache of the rows with cached images, in bytes: it holds all of them. */
const largeCache = 2 ** 30;

/** A loader that takes part. */
interface Entrant extends Pick<LoaderRow, 'augmentation' | 'library' | 'version' | 'workers' | 'cached' | 'output'> {
  readonly check: readonly number[];
  measure(runs: number): Promise<readonly number[]>;
  /** The CPU time so far in ms. */
  cpuTime(): Promise<number | null>;
  release(): Promise<void>;
}

async function ourEntrant(
  split: Split,
  version: string,
  { workers, augmentation }: LoaderWork,
  cached: boolean,
): Promise<Entrant> {
  const loader = new DataLoader(split, {
    columns: { image: usualColumns.image },
    ...{ batchSize, imageSize, workers, augment: augmentations[augmentation] },
    ...{ shuffle: true, dropLast: false, cacheBytes: cached ? largeCache : 0 },
  });
  let epoch = 0;
  return {
    ...{ augmentation, library: 'Tessera', version, workers, cached, output: 'bytes' },
    check: await checkOf(split),
    async measure(runs) {
      const times: number[] = [];
      for (let run = 0; run < runs; run++) {
        const start = performance.now();
        let images = 0;
        for await (const batch of loader.epoch(epoch)) images += batch.size;
        times.push(performance.now() - start);
        epoch++;
        if (images !== split.length) throw new Error(`${images} images of ${split.length} were loaded`);
      }
      return times;
    },
    async cpuTime() {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    },
    release: () => loader.close(),
  };
}

/** The number of images, and the sum of the first one's pixels as evaluation reads it. */
async function checkOf(split: Split): Promise<number[]> {
  const { image } = await split.row(0, ['image']);
  const { bytes } = image as { bytes: Uint8Array };
  const { data } = await decodeImage(bytes, { kind: 'square', size: imageSize });
  return [split.length, data.reduce((sum, value) => sum + value, 0)];
}

async function peerEntrant(
  peer: LoaderPeer,
  library: 'torchvision' | 'webdataset',
  version: string,
  work: LoaderWork,
): Promise<Entrant> {
  const { augmentation, workers, output } = work;
  const prepared = await peer.process.prepare(library, work);
  return {
    augmentation,
    library,
    version,
    workers,
    cached: false,
    output,
    ...prepared,
    cpuTime: () => peer.process.cpuTime(),
  };
}

/** The loaders of one augmentation: all kinds of them for CLIP's, two for the others. */
async function entrantsFor(
  augmentation: AugmentationName,
  { split, files, version, workers }: { split: Split; files: string; version: string; workers: number },
  peer: LoaderPeer | null,
): Promise<Entrant[]> {
  const work = (count: number, output: LoaderWork['output'] = 'f32'): LoaderWork => ({
    ...{ files, images: split.length, imageSize, batchSize, workers: count, augmentation, output },
  });
  const isFull = augmentation === 'clip';
  const counts = isFull ? [...new Set([1, workers])] : [workers];
  const entrants: Entrant[] = [];
  for (const count of counts)
    for (const cached of isFull ? [false, true] : [false])
      entrants.push(await ourEntrant(split, version, work(count), cached));
  if (peer === null) return entrants;
  for (const count of counts) entrants.push(await peerEntrant(peer, 'torchvision', peer.torchvision, work(count)));
  if (!isFull) return entrants;
  entrants.push(await peerEntrant(peer, 'torchvision', peer.torchvision, work(workers, 'bytes')));
  if (peer.webdataset !== null) entrants.push(await peerEntrant(peer, 'webdataset', peer.webdataset, work(workers)));
  return entrants;
}

async function raceEntrants(entrants: readonly Entrant[], rounds: number, images: number): Promise<LoaderRow[]> {
  const cpu = entrants.map((): number[] => []);
  const contestants = entrants.map((entrant, k) => ({
    async measure(runs: number) {
      const before = await entrant.cpuTime();
      const times = await entrant.measure(runs);
      const after = await entrant.cpuTime();
      if (before !== null && after !== null) cpu[k]?.push((after - before) / runs / images);
      return times;
    },
  }));
  const results = await race(contestants, { rounds, warmUpMs: 0 });
  const rate = (ms: number): number => (1000 * images) / ms;
  return entrants.map(({ measure: _, cpuTime: __, release: ___, check, ...entrant }, k) => {
    const [ours] = entrants.flatMap((other, o) =>
      other.library === 'Tessera' && !other.cached && other.workers === entrant.workers
        ? [results[o]?.rounds ?? []]
        : [],
    );
    const { rounds: times = [] } = results[k] ?? {};
    return {
      ...entrant,
      imagesPerSecond: rate(median(times)),
      bestImagesPerSecond: rate(Math.min(...times)),
      // Without the warm-up.
      cpuMs: cpu[k]?.length ? median(cpu[k].slice(-rounds)) : null,
      ratio: pairedRatio(times, ours ?? []),
      disagreement: disagreement(entrants[0]?.check ?? [], check),
    };
  });
}

/** Measures how many images a second are read, decoded, augmented and put into batches, without any training. */
export async function measureLoaders(version: string, options: LoaderOptions): Promise<LoaderReport> {
  const { workers, rounds, withTorch, images = defaultImages, say } = options;
  const folder = await mkdtemp(join(tmpdir(), 'tessera-bench-'));
  const peer = withTorch ? await startLoaderPeer(say) : null;
  try {
    say(`  making ${images} JPEG files`);
    const { dataset, files } = await writePhotographs(folder, images);
    using opened = await openDataset(dataset);
    const split = opened.split('train');
    const rows: LoaderRow[] = [];
    for (const augmentation of ['clip', 'trivialaugment', 'randaugment', 'drawings'] as const) {
      say(`  ${augmentation}`);
      const entrants = await entrantsFor(augmentation, { split, files, version, workers }, peer);
      try {
        rows.push(...(await raceEntrants(entrants, rounds, images)));
      } finally {
        for (const entrant of entrants) await entrant.release();
      }
    }
    say('  stages');
    return { images, imageSize, batchSize, rows, stages: await measureStages(split, imageSize, batchSize) };
  } finally {
    await peer?.process.close();
    await rm(folder, { recursive: true, force: true });
  }
}
