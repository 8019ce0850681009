/** The numbers of a run as a CSV file. */
import { mkdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { writeFileAtomic } from '@tessera/data/io';
import type { LogEvent, Logger } from '../../loop/logger.ts';
import { readMetrics } from '../../loop/metrics-file.ts';
import { metricsTable } from './metrics-table.ts';

/**
 * Writes `metrics.jsonl` as CSV when the run ends, is interrupted or fails: the whole run, also the part before it was resumed. Its columns are
 * those of `metricsTable`. The file is replaced as a whole.
 */
export class CSVLogger implements Logger {
  /** Null: `metrics.csv` in the run's folder. */
  readonly #path: string | null;
  #folder: string | null = null;

  /** @param path the file. Default: `metrics.csv` in the run's folder */
  constructor(path?: string) {
    this.#path = path === undefined ? null : resolve(path);
  }

  async log(event: LogEvent): Promise<void> {
    if (event.kind === 'start') {
      this.#folder = event.folder;
      // A path that cannot be written is better known at the start than after the run.
      if (this.#path !== null) await prepare(this.#path);
    }
    if (event.kind !== 'end' || this.#folder === null) return;
    await writeMetricsTable(this.#folder, this.#path);
  }
}

/**
 * Writes the metrics of a run as CSV, in the columns of `metricsTable`. Returns the path.
 *
 * @param path null: `metrics.csv` in the run's folder
 * @throws where the run has no metrics or a line of them is damaged, or the path is that of a folder
 */
export async function writeMetricsTable(runFolder: string, path: string | null = null): Promise<string> {
  const file = path ?? join(runFolder, 'metrics.csv');
  await prepare(file);
  await writeFileAtomic(file, metricsTable(await readMetrics(join(runFolder, 'metrics.jsonl'))));
  return file;
}

/** Creates the folder of a file. @throws where the path is that of a folder */
async function prepare(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory())
    throw new Error(`${path} is a folder: name a file in it, such as ${join(path, 'metrics.csv')}`);
}
