/** Copies rows of a dataset into another one, in any format. */
import { type Features, featuresToJson } from '../arrow/features.ts';
import { type Dataset, openDataset } from '../dataset/dataset.ts';
import type { Split } from '../dataset/split.ts';
import type { LeftOut } from '../folder/left-out.ts';
import { DamagedRowsError, type Row } from '../format/shard.ts';
import { type WriteFormatName, writeFormatOf, writeFormats } from '../write/index.ts';
import { checkTarget } from '../write/output.ts';
import type { WriteOptions } from '../write/row-writer.ts';
import { type ToolOptions, toolCacheBytes } from './progress.ts';
import { type Selection, selectColumns, selectRows } from './selection.ts';

export interface CopyOptions
  extends Selection,
    ToolOptions,
    Pick<WriteOptions, 'overwrite' | 'rowsPerFile' | 'rowsPerGroup'> {
  /** Default: by the target's ending; `arrow` for a folder. */
  readonly to?: WriteFormatName;
  /** Leaves out rows whose bytes are damaged in their file, and counts them. Default: the first one is an error. */
  readonly skipDamaged?: boolean;
  /** Called before the first row is written, with what is about to change. */
  readonly onPlan?: (plan: CopyPlan) => void;
}

/** What is not written as it is in the source. */
export interface CopyPlan {
  /** Columns that are not written, with the reason. */
  readonly leftOut: readonly string[];
  /** Columns that the format changes, and how. */
  readonly changes: readonly string[];
  /** Files of a folder of images that are not rows. */
  readonly files: readonly LeftOut[];
}

export interface CopyReport extends CopyPlan {
  readonly path: string;
  readonly format: WriteFormatName;
  /** The number of rows, by split. */
  readonly splits: Readonly<Record<string, number>>;
  /** Damaged rows that were left out, by split. */
  readonly damaged: Readonly<Record<string, number>>;
}

/** All splits are written with the same columns. @throws where they differ */
function checkSameColumns(title: string, splits: readonly Split[]): void {
  const describe = ({ features }: Split): string =>
    JSON.stringify(
      featuresToJson(Object.fromEntries(Object.entries(features).filter(([, { type }]) => type !== 'other'))),
    );
  const [first, ...others] = splits;
  const different = others.find((split) => first !== undefined && describe(split) !== describe(first));
  if (first !== undefined && different !== undefined)
    throw new Error(
      `${title}: the splits ${first.name} and ${different.name} have different columns (${Object.keys(first.features).join(', ')}; ${Object.keys(different.features).join(', ')}); write them one at a time with --split`,
    );
}

/** The rows of a split in order. */
async function* rowsOf(split: Split, columns: readonly string[], onDamaged: (() => void) | null): AsyncGenerator<Row> {
  for (let row = 0; row < split.length; row++) {
    try {
      yield await split.row(row, columns);
    } catch (error) {
      if (onDamaged === null || !(error instanceof DamagedRowsError)) throw error;
      onDamaged();
    }
  }
}

/** Whether the target is one file. */
const isFile = (target: string, to: WriteFormatName): boolean => {
  const { fileEnding } = writeFormats[to];
  return fileEnding !== null && target.toLowerCase().endsWith(fileEnding);
};

/** A format's options that it does not have are errors. */
export function checkOptions(target: string, to: WriteFormatName, { rowsPerFile, rowsPerGroup }: CopyOptions): void {
  const { title, hasRowGroups } = writeFormats[to];
  if (rowsPerGroup !== undefined && !hasRowGroups) throw new Error(`${title} files have no row groups to choose`);
  if (rowsPerFile !== undefined && isFile(target, to))
    throw new Error(`${target}: is a single file; to choose the rows of each file, name a folder`);
}

/** Writes the selected rows of splits of a dataset that is open; see `copyDataset`. */
export async function copySplits(
  { path: title, info, leftOut: files }: Dataset,
  splits: readonly Split[],
  target: string,
  options: CopyOptions,
): Promise<CopyReport> {
  const to = writeFormatOf(target, options.to);
  const format = writeFormats[to];
  const { signal, onProgress, onPlan } = options;
  if (isFile(target, to) && splits.length > 1)
    throw new Error(
      `${target}: one file holds one split, and there are ${splits.map(({ name }) => name).join(', ')}; choose one with --split, or name a folder`,
    );
  checkSameColumns(title, splits);
  const { features, unread } = selectColumns(title, splits, options.columns);
  const plan = format.plan(features);
  const changes = { leftOut: [...unread, ...plan.leftOut], changes: plan.changes, files };
  const columns: Features = plan.features;
  if (Object.keys(columns).length === 0)
    throw new Error(`${title}: has no column that can be written (${changes.leftOut.join('; ')})`);
  onPlan?.(changes);
  const { overwrite, rowsPerFile, rowsPerGroup } = options;
  const writer = await format.create(target, {
    features: columns,
    info,
    ...(overwrite !== undefined && { overwrite }),
    ...(rowsPerFile !== undefined && { rowsPerFile }),
    ...(rowsPerGroup !== undefined && { rowsPerGroup }),
  });
  const total = splits.reduce((sum, { length }) => sum + length, 0);
  const damaged: Record<string, number> = {};
  let done = 0;
  try {
    for (const split of splits) {
      writer.addSplit(split.name);
      const onDamaged = (): void => {
        damaged[split.name] = (damaged[split.name] ?? 0) + 1;
      };
      for await (const row of rowsOf(split, Object.keys(columns), options.skipDamaged === true ? onDamaged : null)) {
        signal?.throwIfAborted();
        await writer.write(split.name, row);
        onProgress?.({ what: 'writing rows', done: ++done, total });
        // Local files are read without waiting: signals and timers need a turn.
        if (done % 64 === 0) await new Promise(setImmediate);
      }
    }
  } catch (error) {
    await writer.abort();
    throw error;
  }
  await writer.close();
  return { path: target, format: to, splits: writer.counts, ...changes, damaged };
}

/**
 * Writes rows of a dataset in another place and format. Pictures are copied byte by byte. Nothing is at `target` before everything is
 * written.
 *
 * @param location whatever `openDataset` opens
 * @throws for a dataset that cannot be read, a selection that does not fit it, and a target that exists
 */
export async function copyDataset(location: string, target: string, options: CopyOptions = {}): Promise<CopyReport> {
  checkOptions(target, writeFormatOf(target, options.to), options);
  await checkTarget(target, options.overwrite ?? false);
  using dataset = await openDataset(location, {
    cacheBytes: toolCacheBytes,
    ...(options.splits !== undefined && { splits: options.splits }),
  });
  const splits = await selectRows(dataset, options, options);
  return await copySplits(dataset, splits, target, options);
}
