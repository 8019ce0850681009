/** tessera data dedup: a dataset without the rows that repeat others. */
import { type DedupOptions, type DedupReport, dedupDataset } from '@tessera/data/tools';
import { fromCaller, toCaller } from '../call.ts';
import { UsageError } from '../command.ts';
import { locateDataset } from '../datasets.ts';
import { given, type WriteArguments, wholeNumber, writing } from './arguments.ts';
import { printCopied, writeWith } from './copy.ts';

export interface DedupArguments extends WriteArguments {
  readonly split: string[] | undefined;
  readonly where: string | undefined;
  readonly columns: string[] | undefined;
  readonly by: DedupOptions['by'] & string;
  readonly distance: string | undefined;
  readonly exact: boolean;
  readonly key: string | undefined;
  readonly against: string | undefined;
  readonly within: boolean;
  readonly report: string | undefined;
}

function print(report: DedupReport): void {
  const reasons = new Map<string, number>();
  for (const { reason } of report.removed) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  const counts = [...reasons].map(([reason, rows]) => `${rows} ${reason}`).join(', ');
  if (report.undecodable > 0)
    console.error(`note: ${report.undecodable} images cannot be decoded; of them only equal files were looked for`);
  printCopied(report);
  console.log(
    `removed: ${report.removed.length} rows${counts === '' ? '' : ` (${counts})`}: ${toCaller(report.report)}`,
  );
}

/** Removes duplicates, and prints what was removed. @returns the exit status */
export async function dedupCommand(url: string, out: string, options: DedupArguments): Promise<number> {
  const { by, exact, key, within, report } = options;
  const distance = wholeNumber('distance', options.distance, 0);
  if (exact && distance !== undefined) throw new UsageError('--exact and --distance exclude each other; choose one');
  if (distance !== undefined && distance > 16)
    throw new UsageError(`--distance ${distance}: expected 0 to 16; beyond, unrelated images count as similar`);
  if (key !== undefined && by !== 'key') throw new UsageError('--key is for --by key');
  if (!within && options.against === undefined)
    throw new UsageError('--no-within needs --against, or nothing is removed');
  const location = await locateDataset(url);
  const chosen = given({
    ...{ splits: options.split, where: options.where, columns: options.columns, by, key, within },
    against: options.against === undefined ? undefined : await locateDataset(options.against),
    report: report === undefined ? undefined : fromCaller(report),
    distance: exact ? null : distance,
    ...writing(options),
  });
  return writeWith(out, (hooks) => dedupDataset(location, fromCaller(out), { ...chosen, ...hooks }), print);
}
