/** Starts the ranks of a group as worker threads, and waits for them. */
import { Worker, workerData } from 'node:worker_threads';
import { timeLimit } from '../transport.ts';
import { abortGroup, createThreadGroup, noteEnd, type ThreadGroup } from './group.ts';

export interface RunThreadsOptions {
  /** What the program finds as `threadRank()?.data`; it is cloned. */
  readonly data?: unknown;
  /** The time limit of a collective. Default: the environment's TESSERA_COLLECTIVE_SECONDS, or 600. */
  readonly timeoutSeconds?: number;
  /** Bytes that a rank exchanges at a time. Default: 262,144. */
  readonly slotBytes?: number;
}

/** How long ranks have to end after one has failed, before they are stopped. */
const graceMs = 2000;

interface ThreadRank {
  readonly group: ThreadGroup;
  readonly rank: number;
  readonly data: unknown;
}

/** The group and rank of this thread, if `runThreads` started it; otherwise null. */
export function threadRank(): ThreadRank | null {
  const { tesseraRank } = (workerData ?? {}) as { tesseraRank?: ThreadRank };
  return tesseraRank ?? null;
}

/**
 * Runs the module `program` as `ranks` ranks, each in a worker thread. Resolves to the last message that each rank posted to its
 * `parentPort`, in order of the ranks. If a rank fails, the others are told, and the promise is rejected with the error of the rank that
 * failed first.
 */
export async function runThreads(ranks: number, program: URL, options: RunThreadsOptions = {}): Promise<unknown[]> {
  const group = createThreadGroup(ranks, timeLimit(options.timeoutSeconds), options.slotBytes);
  const failures: Error[] = [];
  const results: unknown[] = Array.from({ length: ranks });
  const threads: Worker[] = [];
  let grace: NodeJS.Timeout | undefined;
  const run = (rank: number): Promise<void> =>
    new Promise((resolve) => {
      const tesseraRank: ThreadRank = { group, rank, data: options.data };
      const thread = new Worker(program, { workerData: { tesseraRank }, name: `rank ${rank}` });
      threads.push(thread);
      let failed = false;
      const fail = (error: Error): void => {
        if (failed) return;
        failed = true;
        failures.push(error);
        abortGroup(group, rank, error.message);
        // Ranks in a collective end by themselves. One that computes without end does not.
        grace ??= setTimeout(() => {
          for (const other of threads) void other.terminate();
        }, graceMs);
      };
      thread.on('message', (message) => {
        results[rank] = message;
      });
      thread.on('error', fail);
      thread.on('exit', (code) => {
        if (code !== 0) fail(new Error(`rank ${rank} ended with exit code ${code}`));
        noteEnd(group, rank);
        resolve();
      });
    });
  await Promise.all(results.map((_, rank) => run(rank)));
  clearTimeout(grace);
  if (failures.length > 0) throw failures[0];
  return results;
}
