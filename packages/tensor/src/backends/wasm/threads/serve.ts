/**
 * The loop of a thread of the pool. It sleeps until its job number changes, receives the messages that were posted in the meantime, runs its
 * share of the job, and sleeps again. It returns to its event loop only if messages arrive as events and one has been posted but not received.
 */
import { nth } from '../../../kernel/nth.ts';
import { control, jobCount } from './control.ts';
import type { WorkerMessage, WorkerReport, WorkerStart } from './messages.ts';
import { type Program, runShare } from './share.ts';

/** How a worker and the pool exchange messages. */
export interface Connection {
  /** The next message, if one has arrived. */
  next(): WorkerMessage | undefined;
  /** Resolves when another message has arrived. */
  more(): Promise<void>;
  post(report: WorkerReport): void;
}

const word = (address: number): number => address / 4;

/** Runs jobs until the worker is terminated. */
export async function serve({ memory, index }: WorkerStart, connection: Connection): Promise<never> {
  const programs = new Map<number, Program>();
  let taken = 0;
  const take = (message: WorkerMessage): void => {
    taken++;
    if (message.kind === 'drop') programs.delete(message.id);
    else programs.set(message.id, { ...message, instance: null });
  };

  let words = new Int32Array(memory.buffer);
  const jobs = word(jobCount(index));
  let job = Atomics.load(words, jobs);
  Atomics.add(words, word(control.ready), 1);
  connection.post({ kind: 'ready' });
  for (;;) {
    Atomics.wait(words, jobs, job);
    // The memory may have grown.
    words = new Int32Array(memory.buffer);
    const now = Atomics.load(words, jobs);
    if (now === job) continue;
    job = now;
    const posted = Atomics.load(words, word(control.messages));
    while (taken < posted) {
      const message = connection.next();
      if (message === undefined) await connection.more();
      else take(message);
    }
    // These words are read before this thread finishes, because the main thread may write the next job as soon as all have finished.
    const read = (address: number): number => nth(words, word(address));
    const serial = read(control.serial);
    const posts = read(control.posts) !== 0;
    const last = runShare(memory, programs.get(read(control.program)), index);
    if (last && posts) connection.post({ kind: 'finished', serial });
  }
}
