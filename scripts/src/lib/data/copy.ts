/** npm run data -- convert and select: rows of a dataset in another place and format. */
import { type CopyOptions, type CopyReport, copyDataset } from '@tessera/data/tools';
import { fromCaller, type Interruption, toCaller } from '../command.ts';
import { locateDataset } from '../datasets.ts';
import { progress } from './arguments.ts';

/** What a copy changed or left out, a line each. */
export function printChanges({ leftOut, changes }: Pick<CopyReport, 'leftOut' | 'changes'>): void {
  for (const column of leftOut) console.error(`left out: column ${column}`);
  for (const change of changes) console.error(`note: ${change}`);
}

/** `out: train 10, test 5 (Parquet)`. */
function printCopied({ path, format, splits, damaged }: CopyReport): void {
  for (const [split, rows] of Object.entries(damaged)) console.error(`left out: ${rows} damaged rows of ${split}`);
  const counts = Object.entries(splits).map(([name, rows]) => `${name} ${rows}`);
  console.log(`${toCaller(path)}: ${counts.join(', ')} (${format})`);
}

/** Copies rows, and prints what was done. @returns the exit status */
export async function copyCommand(
  url: string,
  out: string,
  options: CopyOptions,
  interruption: Interruption,
): Promise<number> {
  const { bar, onProgress } = progress();
  const location = await locateDataset(url);
  try {
    const report = await copyDataset(location, fromCaller(out), {
      ...options,
      onProgress,
      signal: interruption.signal,
      onPlan: printChanges,
    });
    bar.finish();
    printCopied(report);
    return 0;
  } catch (error) {
    bar.clear();
    if (!interruption.signal.aborted) throw error;
    console.error(`stopped; nothing was written to ${out}`);
    return interruption.exitCode();
  }
}
