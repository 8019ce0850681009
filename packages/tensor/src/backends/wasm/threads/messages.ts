import type { Marks } from './share.ts';

/** What the pool and its threads post to each other: what shared memory cannot carry. */

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

/** What a worker is started with. */
export interface WorkerStart {
  readonly memory: WebAssembly.Memory;
  /** Number of the thread. */
  readonly index: number;
}
