/** Converts files of rows (Parquet, tar, Arrow), wherever they are, into a dataset folder. */
import { type Dataset, openDataset, type Row, type Split, writeDataset } from '@tessera/data';
import type { BuildOptions, BuildReport } from './builder.ts';

/** The result of a conversion. */
export interface ConversionReport extends Omit<BuildReport, 'leftOut'> {
  /** The columns that were left out, because their types are not read. */
  readonly leftOut: readonly string[];
}

/** The rows of a split in order. */
async function* rowsOf(split: Split, onRow: () => void): AsyncGenerator<Row> {
  for await (const row of split) {
    yield row;
    onRow();
  }
}

/**
 * Writes the rows of all splits as a dataset folder, whose rows can be read in any order. Pictures are copied as they are.
 *
 * @param location files of rows: a path, a pattern or an address; see `openDataset`
 * @throws for files that cannot be read, and where `target` exists; nothing is written then
 */
export async function convertDataset(
  location: string,
  target: string,
  { onProgress, overwrite = false }: BuildOptions = {},
): Promise<ConversionReport> {
  using dataset: Dataset = await openDataset(location);
  const splits = Object.values(dataset.splits);
  const all = Object.entries(splits[0]?.features ?? {});
  const features = Object.fromEntries(all.filter(([, { type }]) => type !== 'other'));
  const leftOut = all.flatMap(([column, f]) => (f.type === 'other' ? [`${column} (${f.dtype})`] : []));
  const total = splits.reduce((sum, { length }) => sum + length, 0);
  let done = 0;
  const onRow = (): void => onProgress?.({ what: 'copying rows', done: ++done, total });
  await writeDataset(
    target,
    { features, overwrite },
    Object.fromEntries(splits.map((split) => [split.name, rowsOf(split, onRow)])),
  );
  return { path: target, splits: Object.fromEntries(splits.map(({ name, length }) => [name, length])), leftOut };
}
