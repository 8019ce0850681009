/** Sweeps: their results, from results.json. */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import type { SweepResults } from '@tessera/train/charts';
import type { SweepSummary } from '../shared/api.ts';

export interface StoredSweep {
  readonly summary: SweepSummary;
  readonly results: SweepResults;
}

/** Reads a sweep's results; null where they cannot be read, as while they are written by an old program. `before`: kept if unchanged. */
export async function readSweep(id: string, folder: string, before: StoredSweep | null): Promise<StoredSweep | null> {
  const path = join(folder, 'results.json');
  try {
    const { mtimeMs, size } = await fs.stat(path);
    const version = `${mtimeMs}-${size}`;
    if (before?.summary.version === version) return before;
    const results = JSON.parse(await fs.readFile(path, 'utf8')) as SweepResults;
    const runs = results.configurations.flatMap((one) => one.runs);
    return {
      summary: {
        id,
        name: results.name,
        metric: results.metric.name,
        runs: runs.length,
        finished: runs.filter(({ status }) => status === 'finished').length,
        version,
      },
      results,
    };
  } catch {
    return before;
  }
}
