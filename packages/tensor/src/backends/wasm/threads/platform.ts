/** What differs between Node.js and browsers, in one place. */
import type { WorkerStart } from './messages.ts';

/** A thread of the pool. */
export interface WorkerHandle {
  /** Messages to the worker; it takes them between jobs. */
  post(message: unknown): void;
  /** Called for each message from the worker; `ended` with a reason when it has stopped by itself. */
  listen(onMessage: (message: unknown) => void, ended: (reason: Error) => void): void;
  /** A referenced worker keeps the process alive. */
  ref(): void;
  unref(): void;
  terminate(): Promise<void>;
}

export interface Platform {
  env(name: string): string | undefined;
  readonly parallelism: number;
  /** Changes V8's flags, where that is possible; null elsewhere. */
  readonly setEngineFlags: ((...flags: readonly string[]) => void) | null;
  /** Major version of Node; 0 elsewhere. */
  readonly nodeMajor: number;
  /** A worker with access to `memory`; null where there are none. */
  readonly createWorker: ((start: WorkerStart) => WorkerHandle) | null;
  /** Why there are no workers, and what to do; null where there are. */
  readonly whyOneThread: string | null;
  /** Whether the calling thread may wait for others asleep (`Atomics.wait`). */
  readonly canBlock: boolean;
  /** Collects garbage now, where that can be asked for; finalizers run with the event loop's next turn. */
  collectGarbage(): void;
}
