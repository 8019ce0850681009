/** What a sweep and the processes of its runs tell each other, over the channel that Node opens to a child process. */
import type { RunConfig } from '../config/schema.ts';
import type { RunEnd, RunProgress } from './run-sweep.ts';

/** What a process trains. */
export interface RunOrder {
  readonly config: RunConfig;
  /** The folder of the built data set. */
  readonly dataset: string | readonly string[];
  /** The run's folder. */
  readonly folder: string;
  /** Complete epochs at the end, counted from the start of the run. */
  readonly epochs: number;
  /** Threads of the wasm backend, unless the configuration has `runtime.threads`. */
  readonly threads: number;
}

export type ToChild = { readonly kind: 'train'; readonly order: RunOrder } | { readonly kind: 'stop' };

export type FromChild =
  | { readonly kind: 'progress'; readonly progress: RunProgress }
  | { readonly kind: 'end'; readonly end: RunEnd };
