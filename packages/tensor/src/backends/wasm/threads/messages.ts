/** The messages between the pool and its threads: those things that cannot be put into shared memory. */
import type { Marks } from './share.ts';

export type WorkerMessage =
  | {
      readonly kind: 'load';
      readonly id: number;
      readonly module: WebAssembly.Module;
      readonly memories: readonly WebAssembly.Memory[];
      readonly marks: Marks | null;
    }
  | { readonly kind: 'drop'; readonly id: number };

export type WorkerReport = { readonly kind: 'ready' } | { readonly kind: 'finished'; readonly serial: number };

/** The data with which a worker is started. */
export interface WorkerStart {
  readonly memory: WebAssembly.Memory;
  /** The number of the thread. */
  readonly index: number;
}
