/** What is in a dataset: its files, columns and rows, statistics, and rows to look at. */
import { featuresToJson } from '../../arrow/features.ts';
import { openDataset } from '../../dataset/dataset.ts';
import { shortName } from '../../dataset/same-features.ts';
import type { DatasetInfo } from '../../dataset/saved.ts';
import type { Split } from '../../dataset/split.ts';
import { DuplicateFinder } from '../../duplicates/finder.ts';
import type { LeftOut } from '../../folder/left-out.ts';
import { type ToolOptions, toolCacheBytes } from '../progress.ts';
import { clipTokenCounter } from './captions.ts';
import { type SampleRow, sampleRows } from './samples.ts';
import { type SplitStatistics, splitStatistics } from './split.ts';

export interface InspectOptions extends ToolOptions {
  /** The splits. Default: all. */
  readonly splits?: readonly string[];
  /** The number of rows of each split that are read for the statistics. Default 2,000. */
  readonly rows?: number;
  /** Reads all rows. */
  readonly all?: boolean;
  /** The number of rows of each split to look at. Default 0. */
  readonly samples?: number;
  /** Of the pictures to look at, in pixels. Default 160. */
  readonly side?: number;
}

export interface SplitReport {
  readonly name: string;
  readonly rows: number;
  readonly files: number;
  readonly bytes: number;
  /** Parts of files that are read as a whole. */
  readonly blocks: { readonly count: number; readonly mostRows: number; readonly mostBytes: number };
  readonly statistics: SplitStatistics;
}

export interface InspectReport {
  readonly path: string;
  readonly formats: readonly string[];
  readonly info: DatasetInfo;
  /** The type of each column, in words. */
  readonly columns: Readonly<Record<string, string>>;
  /** The columns as Hugging Face describes them, without those whose types are not read. */
  readonly features: Readonly<Record<string, unknown>>;
  /** Files of a folder of images that are not used. */
  readonly leftOut: readonly LeftOut[];
  readonly splits: readonly SplitReport[];
}

/** A report, and by split the rows to look at. */
export interface Inspection {
  readonly report: InspectReport;
  readonly samples: Readonly<Record<string, readonly SampleRow[]>>;
}

/** Two pictures are similar if their hashes differ in this many bits or fewer. */
const similarBits = 4;

function blocksOf({ blocks }: Split): SplitReport['blocks'] {
  const most = (key: 'rows' | 'bytes'): number => blocks.reduce((largest, block) => Math.max(largest, block[key]), 0);
  return { count: blocks.length, mostRows: most('rows'), mostBytes: most('bytes') };
}

/** Looks at a dataset. @param location whatever `openDataset` opens @throws for one that cannot be read */
export async function inspectDataset(location: string, options: InspectOptions = {}): Promise<Inspection> {
  const { rows: wanted = 2000, all = false, samples: shown = 0, side = 160, signal, onProgress } = options;
  using dataset = await openDataset(location, {
    cacheBytes: toolCacheBytes,
    ...(options.splits !== undefined && { splits: options.splits }),
  });
  const splits = Object.values(dataset.splits);
  const features = splits[0]?.features ?? {};
  const countTokens = await clipTokenCounter();
  const seen = {
    pictures: new DuplicateFinder('image', similarBits),
    captions: new DuplicateFinder('caption', null),
    picturePlaces: [],
    captionPlaces: [],
  };
  const reports: SplitReport[] = [];
  const samples: Record<string, SampleRow[]> = {};
  const chosen = splits.map((split) => (all ? null : split.sample(wanted)));
  const total = splits.reduce((sum, { length }, k) => sum + (chosen[k]?.length ?? length), 0);
  let done = 0;
  for (const [k, split] of splits.entries()) {
    const onRow = (): void => {
      signal?.throwIfAborted();
      onProgress?.({ what: `${split.name}: reading rows`, done: ++done, total });
    };
    const rows = chosen[k] ?? Array(split.length).keys();
    const statistics = await splitStatistics(split, rows, seen, { countTokens, onRow });
    const files = split.files;
    reports.push({
      name: split.name,
      rows: split.length,
      files: files.length,
      bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      blocks: blocksOf(split),
      statistics,
    });
    if (shown > 0) samples[split.name] = await sampleRows(split, shown, side);
  }
  const readable = Object.fromEntries(Object.entries(features).filter(([, { type }]) => type !== 'other'));
  return {
    report: {
      path: dataset.path,
      formats: [...new Set(splits.flatMap(({ place }) => place.files.map(({ format }) => String(format))))],
      info: dataset.info,
      columns: Object.fromEntries(Object.entries(features).map(([name, f]) => [name, shortName(f)])),
      features: featuresToJson(readable),
      leftOut: dataset.leftOut,
      splits: reports,
    },
    samples,
  };
}
