/** All runs and sweeps below a folder: which there are, what has changed, and their curves. It only reads files. */
import { promises as fs } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { errorMessage } from '@tessera/data/io';
import { coordinatesOf, metricsTable, readMetrics } from '@tessera/train/watch';
import { curvesOf, previewCurves } from '../metrics/curves.ts';
import type { GroupTable } from '../metrics/group-table.ts';
import { previewOf } from '../metrics/preview.ts';
import type {
  CurvesRequest,
  EvaluationPoint,
  LibraryChange,
  Library as LibraryData,
  RunCurves,
  RunDetail,
  SweepDetail,
  SweepSummary,
} from '../shared/api.ts';
import { discover } from './discover.ts';
import { IndexQueue } from './index-queue.ts';
import { listPictures } from './pictures.ts';
import { flatten } from './settings.ts';
import { readSweep, type StoredSweep } from './sweeps.ts';
import { WatchedRun } from './watched-run.ts';

/** Files up to this size are indexed before their curves are sent; of larger ones a preview is sent first. In bytes. */
const smallFile = 2 * 2 ** 20;

/** A run or sweep that the library does not have. */
export class NotFoundError extends Error {
  override readonly name = 'NotFoundError';
}

export class RunLibrary {
  readonly root: string;
  readonly #runs = new Map<string, WatchedRun>();
  #sweeps = new Map<string, StoredSweep>();
  readonly #previews = new Map<string, { readonly version: string; readonly table: GroupTable }>();
  readonly #queue: IndexQueue;
  #looks = 0;

  /** @param onIndexed called when a large run's index is complete */
  constructor(root: string, onIndexed: (id: string) => void = () => undefined) {
    this.root = resolve(root);
    this.#queue = new IndexQueue(onIndexed);
  }

  /** All there is. */
  data(): LibraryData {
    const runs = [...this.#runs.values()].flatMap(({ summary }) => summary ?? []);
    return {
      root: this.root,
      runs: runs.sort((a, b) => a.started - b.started || a.id.localeCompare(b.id)),
      sweeps: this.#sweepSummaries(),
    };
  }

  #sweepSummaries(): SweepSummary[] {
    return [...this.#sweeps.values()].map(({ summary }) => summary).sort((a, b) => a.id.localeCompare(b.id));
  }

  /**
   * Looks at the files again. Runs that cannot change without somebody starting them, and new folders, are looked at every third time.
   *
   * @throws where the folder cannot be read
   */
  async look(): Promise<LibraryChange> {
    const isFull = this.#looks++ % 3 === 0;
    const removed: string[] = [];
    let sweepsChanged = false;
    if (isFull) {
      const found = await discover(this.root);
      for (const [id, folder] of found.runs) if (!this.#runs.has(id)) this.#runs.set(id, new WatchedRun(id, folder));
      for (const id of [...this.#runs.keys()])
        if (!found.runs.has(id)) {
          this.#runs.delete(id);
          removed.push(id);
        }
      sweepsChanged = await this.#lookAtSweeps(found.sweeps);
    }
    const changed = await Promise.all(
      [...this.#runs.values()].map(async (run) => {
        if (!isFull && !run.isActive) return [];
        const before = run.summary?.version;
        const isChanged = await run.look();
        if (run.hasIndex && run.summary?.version !== before) await this.#queue.catchUp(run);
        return isChanged && run.summary !== null ? [run.summary] : [];
      }),
    );
    return { runs: changed.flat(), removed, sweeps: sweepsChanged ? this.#sweepSummaries() : null };
  }

  async #lookAtSweeps(found: ReadonlyMap<string, string>): Promise<boolean> {
    const before = this.#sweeps;
    this.#sweeps = new Map();
    for (const [id, folder] of found) {
      const sweep = await readSweep(id, folder, before.get(id) ?? null);
      if (sweep !== null) this.#sweeps.set(id, sweep);
    }
    const versions = (sweeps: ReadonlyMap<string, StoredSweep>): string =>
      JSON.stringify([...sweeps.values()].map(({ summary }) => [summary.id, summary.version]));
    return versions(before) !== versions(this.#sweeps);
  }

  /** @throws NotFoundError */
  #run(id: string): WatchedRun {
    const run = this.#runs.get(id);
    if (run === undefined) throw new NotFoundError(`there is no run ${id} in ${this.root}`);
    return run;
  }

  /** The curves of some runs. Runs that have been removed in the meantime are left out. */
  async curves(request: CurvesRequest): Promise<RunCurves[]> {
    const found: RunCurves[] = [];
    for (const { id, held } of request.runs) {
      const run = this.#runs.get(id);
      if (run === undefined || run.bytes === 0) continue;
      await this.#queue.prepare(run, smallFile);
      found.push(
        this.#queue.isPending(run)
          ? previewCurves(id, this.#preview(run), request, run.index.offset / run.bytes)
          : await curvesOf(id, run.index, request, held),
      );
    }
    return found;
  }

  #preview(run: WatchedRun): GroupTable {
    const version = run.summary?.version ?? '';
    const known = this.#previews.get(run.id);
    if (known?.version === version) return known.table;
    const table = previewOf(run.metricsPath, run.settings?.batchSize ?? null);
    this.#previews.set(run.id, { version, table });
    return table;
  }

  /** The evaluations of some runs, as far as their metrics are indexed. */
  async evaluations(ids: readonly string[]): Promise<{ id: string; points: readonly EvaluationPoint[] }[]> {
    const found = [];
    for (const id of ids) {
      const run = this.#runs.get(id);
      if (run === undefined || run.bytes === 0) continue;
      await this.#queue.prepare(run, smallFile);
      found.push({ id, points: run.index.evaluations });
    }
    return found;
  }

  settings(ids: readonly string[]): { id: string; settings: Readonly<Record<string, string>> }[] {
    return ids.flatMap((id) => {
      const run = this.#runs.get(id);
      return run === undefined ? [] : [{ id, settings: run.settings?.flat ?? {} }];
    });
  }

  /** @throws NotFoundError */
  async detail(id: string): Promise<RunDetail> {
    const { folder, settings } = this.#run(id);
    const report = await fs.stat(join(folder, 'report.html')).catch(() => null);
    return {
      id,
      folder,
      settings: settings?.flat ?? {},
      environment: await readEnvironment(folder),
      pictures: await listPictures(folder),
      report: report?.mtimeMs ?? null,
    };
  }

  /** The path of a picture that `detail` lists. @throws NotFoundError for every other name */
  async picturePath(id: string, name: string): Promise<string> {
    const { folder } = this.#run(id);
    const picture = (await listPictures(folder)).find((one) => one.name === name);
    if (picture === undefined) throw new NotFoundError(`the run ${id} has no picture ${name}`);
    return join(folder, picture.name);
  }

  /** The metrics of a run as CSV, and the name of a file for it. @throws NotFoundError; or where a line of the metrics is damaged */
  async table(id: string): Promise<{ readonly name: string; readonly lines: Iterable<string> }> {
    const run = this.#run(id);
    if (run.bytes === 0) throw new NotFoundError(`the run ${id} has no metrics yet`);
    const name = basename(run.folder).replaceAll(/[^\w.-]/g, '_');
    return { name: `${name}.csv`, lines: metricsTable(await readMetrics(run.metricsPath)) };
  }

  /** The path of a run's report, which may not exist. @throws NotFoundError */
  reportPath(id: string): string {
    return join(this.#run(id).folder, 'report.html');
  }

  /** @throws NotFoundError */
  sweep(id: string): SweepDetail {
    const sweep = this.#sweeps.get(id);
    if (sweep === undefined) throw new NotFoundError(`there is no sweep ${id} in ${this.root}`);
    const { results } = sweep;
    return {
      results,
      coordinates: results.configurations.some(({ mean }) => mean !== null) ? coordinatesOf(results) : null,
    };
  }
}

async function readEnvironment(folder: string): Promise<Record<string, string>> {
  try {
    return flatten(JSON.parse(await fs.readFile(join(folder, 'environment.json'), 'utf8')));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? {} : { 'environment.json': errorMessage(error) };
  }
}
