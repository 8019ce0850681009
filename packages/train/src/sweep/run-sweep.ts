/** Runs a sweep: trains what its plan still needs, several runs at a time, and keeps its state in its folder. */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { exists, writeFileAtomic } from '@tessera/data/io';
import { lockRun } from '../run-folder/lock.ts';
import { formatCsv } from './csv.ts';
import { renderSweepPage } from './page/render.ts';
import type { SweepPlan } from './plan.ts';
import { resultsOf, type SweepResults } from './results.ts';
import { progressOf, type Work } from './standings.ts';
import { type Reached, type RunRecord, readState, recordOf, writeState } from './state.ts';

/** How a run ended. `stopped`: because the signal was aborted; it can be continued. */
export type RunEnd =
  | { readonly kind: 'reached'; readonly reached: Reached }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'stopped' };

/** The progress of a run that is being trained. */
export interface RunProgress {
  readonly step: number;
  readonly totalSteps: number;
  readonly loss: number;
}

/** What a run needs to know about its sweep. */
interface RunSite {
  /** The run's folder. */
  readonly folder: string;
  /** Aborted when the sweep is stopped: the run ends with a checkpoint. */
  readonly signal: AbortSignal;
  onProgress(progress: RunProgress): void;
}

/** Trains a run up to an epoch, from its last checkpoint if it has one. It never rejects: whatever goes wrong is a failure of this run. */
export type TrainRun = (work: Work, site: RunSite) => Promise<RunEnd>;

export interface SweepListener {
  /** Called before the first run, with the results of an earlier start. */
  onBegin?(results: SweepResults): void;
  /** Called when a run begins or continues. */
  onStart?(work: Work): void;
  onProgress?(work: Work, progress: RunProgress): void;
  /** Called once the end of a run is in the sweep's state. */
  onEnd?(work: Work, end: RunEnd, results: SweepResults): void;
}

export interface SweepRequest {
  readonly plan: SweepPlan;
  /** The sweep's name, for its page. */
  readonly name: string;
  readonly folder: string;
  readonly train: TrainRun;
  /** The number of runs that are trained at the same time. */
  readonly parallel: number;
  /** When aborted, all runs end with checkpoints. */
  readonly signal?: AbortSignal;
  /** Whether the sweep may continue although its file has changed: runs with settings that are unchanged are kept, others are trained. */
  readonly allowChanges?: boolean;
  /** Whether runs that have failed are tried again, from their last checkpoints. */
  readonly retryFailed?: boolean;
  readonly listener?: SweepListener;
}

/**
 * Trains all runs that have no result yet. What a killed sweep had finished is kept, and what it had begun continues from its checkpoints,
 * so that the results are those of a sweep that was never interrupted.
 *
 * Writes `sweep.json` (the state), `results.json`, `results.csv` and `report.html` into the folder after each run.
 *
 * @throws where another process uses the folder, the sweep's file has changed, or the runs do not have the metric
 */
export async function runSweep(request: SweepRequest): Promise<SweepResults> {
  const { plan, name, folder, parallel, train, signal, allowChanges = false, retryFailed = false, listener } = request;
  if (await exists(join(folder, 'config.yaml')))
    throw new Error(`${folder}: contains a single run; choose another folder for the sweep`);
  await fs.mkdir(folder, { recursive: true });
  const lock = await lockRun(folder);
  const stop = new AbortController();
  const stopAll = (): void => stop.abort();
  try {
    const stored = await readState(folder, plan);
    if (stored !== null && stored.changes.length > 0 && !allowChanges)
      throw new Error(
        [
          `${folder}: the sweep's file has changed since the sweep began`,
          ...stored.changes,
          'continue with the original file, choose another folder, or accept the changes with --allow-changes: runs whose settings are unchanged are kept, others are trained',
        ].join('\n  '),
      );
    const records = new Map(stored?.records);
    if (retryFailed) for (const [key, record] of records) records.set(key, { ...record, failure: null });
    if (signal?.aborted) stop.abort();
    signal?.addEventListener('abort', stopAll);

    const save = async (): Promise<SweepResults> => {
      await writeState(folder, plan, records);
      const results = resultsOf(name, plan, records);
      await writeFileAtomic(join(folder, 'results.json'), [`${JSON.stringify(results, null, 1)}\n`]);
      await writeFileAtomic(join(folder, 'results.csv'), [formatCsv(results)]);
      await writeFileAtomic(join(folder, 'report.html'), [renderSweepPage(results)]);
      return results;
    };

    const running = new Map<string, Promise<{ readonly work: Work; readonly end: RunEnd }>>();
    const start = (work: Work): void => {
      listener?.onStart?.(work);
      const site: RunSite = {
        folder: join(folder, work.run.folder),
        signal: stop.signal,
        onProgress: (progress) => listener?.onProgress?.(work, progress),
      };
      running.set(
        work.run.folder,
        train(work, site).then((end) => ({ work, end })),
      );
    };

    let results = await save();
    listener?.onBegin?.(results);
    let failure: unknown = null;
    for (;;) {
      if (!stop.signal.aborted)
        for (const work of progressOf(plan, records).work) {
          if (running.size >= parallel) break;
          if (!running.has(work.run.folder)) start(work);
        }
      if (running.size === 0) break;
      const { work, end } = await Promise.race(running.values());
      running.delete(work.run.folder);
      const after = recordAfter(recordOf(records, work.run.folder), end);
      if (after === null) continue;
      records.set(work.run.folder, after);
      try {
        results = await save();
        listener?.onEnd?.(work, end, results);
      } catch (error) {
        // The other runs end with checkpoints before the sweep ends with this error.
        failure ??= error;
        stop.abort();
      }
    }
    if (failure !== null) throw failure;
    return results;
  } finally {
    signal?.removeEventListener('abort', stopAll);
    await lock.release();
  }
}

/** The results of a sweep as far as they are in its folder, without training anything. */
export async function sweepResults(name: string, plan: SweepPlan, folder: string): Promise<SweepResults> {
  const stored = await readState(folder, plan);
  return resultsOf(name, plan, stored?.records ?? new Map());
}

/** What is known about a run after its end; null: nothing new. */
function recordAfter({ reached }: RunRecord, end: RunEnd): RunRecord | null {
  switch (end.kind) {
    case 'reached': {
      const { epochs } = end.reached;
      return { reached: [...reached.filter((one) => one.epochs < epochs), end.reached], failure: null };
    }
    case 'failed':
      return { reached, failure: end.message };
    case 'stopped':
      return null;
    default:
      return end satisfies never;
  }
}
