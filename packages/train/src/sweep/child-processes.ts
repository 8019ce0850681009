/** Trains the runs of a sweep in processes of their own, so that the crash of one leaves the others alone. */
import { fork } from 'node:child_process';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import type { FromChild, RunOrder, ToChild } from './messages.ts';
import type { RunEnd, TrainRun } from './run-sweep.ts';

/** How the process of a run is started. */
export interface ChildProgram {
  /** The module, which calls `serveRun`. */
  readonly module: string;
  /** Options of Node, before the module. */
  readonly execArgv: readonly string[];
}

/** The file in a run's folder with all that its processes print. */
const logName = 'output.log';

/**
 * Trains each run in a new process. Its output goes to `output.log` in the run's folder: to a file instead of a pipe, because the process
 * goes on for a moment if the sweep is killed.
 *
 * @param orderOf what the process is told, from the run and the path of its folder
 */
export function inChildProcesses(
  { module, execArgv }: ChildProgram,
  orderOf: (work: Parameters<TrainRun>[0], folder: string) => RunOrder,
): TrainRun {
  return async (work, { folder, signal, onProgress }) => {
    await fs.mkdir(folder, { recursive: true });
    const log = await fs.open(join(folder, logName), 'a');
    try {
      return await new Promise<RunEnd>((resolve) => {
        const child = fork(module, [], { execArgv: [...execArgv], stdio: ['ignore', log.fd, log.fd, 'ipc'] });
        let end: RunEnd | null = null;
        const send = (message: ToChild): void => {
          // The process may have ended; its exit is handled below.
          if (child.connected) child.send(message, () => undefined);
        };
        const stop = (): void => send({ kind: 'stop' });
        signal.addEventListener('abort', stop);
        const finish = (how: RunEnd): void => {
          signal.removeEventListener('abort', stop);
          resolve(how);
        };
        child.on('message', (message: FromChild) => {
          if (message.kind === 'progress') onProgress(message.progress);
          else end = message.end;
        });
        child.once('error', (error) =>
          finish({ kind: 'failed', message: `its process cannot be started: ${error.message}` }),
        );
        child.once('exit', async (status, name) => {
          if (end !== null && (end.kind !== 'stopped' || signal.aborted)) return finish(end);
          if (signal.aborted) return finish({ kind: 'stopped' });
          const how = name === null ? `ended with exit status ${status}` : `was ended by ${name}`;
          const last = await lastOutput(join(folder, logName));
          const cause = end === null ? `its process ${how}` : 'its process was asked to stop by a signal';
          finish({ kind: 'failed', message: `${cause}${last === '' ? '' : `; its last output: ${last}`}` });
        });
        send({ kind: 'train', order: orderOf(work, folder) });
      });
    } finally {
      await log.close();
    }
  };
}

/** Longest part of a process's output that a message contains, in characters. */
const longestExcerpt = 300;

/** What a process wrote last: its last line with an error, or its last line. */
async function lastOutput(path: string): Promise<string> {
  const text = await fs.readFile(path, 'utf8').catch(() => '');
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const error = lines.slice(-40).findLast((line) => /^\s*(\w*Error\b|FATAL ERROR)/.test(line));
  return (error ?? lines.at(-1) ?? '').trim().slice(0, longestExcerpt);
}
