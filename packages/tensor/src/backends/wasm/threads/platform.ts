/** The interface to what differs between Node (with Deno and Bun) and browsers: threads, engine flags and garbage collection. */
import type { Garbage } from '../../pressure.ts';
import type { WorkerStart } from './messages.ts';

/** A thread of the pool. */
export interface WorkerHandle {
  /** Sends a message to the worker, which receives it between jobs. */
  post(message: unknown): void;
  /** Calls `onMessage` for each message from the worker, and `ended` with the reason if it stops unexpectedly. */
  listen(onMessage: (message: unknown) => void, ended: (reason: Error) => void): void;
  /** Makes the worker keep the process alive. */
  ref(): void;
  /** Lets the process end although the worker runs. */
  unref(): void;
  terminate(): Promise<void>;
}

export interface Platform {
  env(name: string): string | undefined;
  readonly parallelism: number;
  /** Changes V8's flags; null where that is impossible. */
  readonly setEngineFlags: ((...flags: readonly string[]) => void) | null;
  /** The major version of Node; 0 elsewhere. */
  readonly nodeMajor: number;
  /** Creates a worker; null on platforms without workers. */
  readonly createWorker: ((start: WorkerStart) => WorkerHandle) | null;
  /** Why there are no workers, and what to do; null if there are. */
  readonly whyOneThread: string | null;
  /** Whether the calling thread may sleep while it waits for others (`Atomics.wait`). */
  readonly canBlock: boolean;
  /** Collects garbage now, if the platform allows that; finalizers run in the event loop's next turn. */
  collectGarbage(what?: Garbage): void;
}
