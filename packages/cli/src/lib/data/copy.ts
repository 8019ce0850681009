/** tessera data convert and select: rows of a dataset in another place and format. */
import { leftOutLines } from '@tessera/data/folder';
import { type CopyOptions, type CopyPlan, type CopyReport, copyDataset } from '@tessera/data/tools';
import { fromCaller, toCaller } from '../call.ts';
import { onInterrupt } from '../command.ts';
import { locateDataset } from '../datasets.ts';
import { progress } from './arguments.ts';

/** What a copy changed or left out, a line each. */
export function printChanges({ leftOut, changes, files }: CopyPlan): void {
  for (const line of leftOutLines(files)) console.error(line);
  for (const column of leftOut) console.error(`left out: column ${column}`);
  for (const change of changes) console.error(`note: ${change}`);
}

/** `out: train 10, test 5 (Parquet)`. */
export function printCopied({ path, format, splits, damaged }: CopyReport): void {
  for (const [split, rows] of Object.entries(damaged)) console.error(`left out: ${rows} damaged rows of ${split}`);
  const counts = Object.entries(splits).map(([name, rows]) => `${name} ${rows}`);
  console.log(`${toCaller(path)}: ${counts.join(', ')} (${format})`);
}

/** Runs a tool that writes `out`, with progress and Ctrl-C. @returns the exit status */
export async function writeWith<Report extends CopyReport>(
  out: string,
  write: (options: Pick<CopyOptions, 'onProgress' | 'onPlan' | 'signal'>) => Promise<Report>,
  print: (report: Report) => void,
): Promise<number> {
  const { bar, onProgress } = progress();
  const interruption = onInterrupt((name) => bar.message(`${name}: stopping; what was written so far is removed`));
  try {
    const report = await write({ onProgress, signal: interruption.signal, onPlan: printChanges });
    bar.finish();
    print(report);
    return 0;
  } catch (error) {
    bar.clear();
    if (!interruption.signal.aborted) throw error;
    console.error(`stopped; nothing was written to ${out}`);
    return interruption.exitCode();
  }
}

/** Copies rows, and prints what was done. @returns the exit status */
export async function copyCommand(url: string, out: string, options: CopyOptions): Promise<number> {
  const location = await locateDataset(url);
  return writeWith(out, (hooks) => copyDataset(location, fromCaller(out), { ...options, ...hooks }), printCopied);
}
