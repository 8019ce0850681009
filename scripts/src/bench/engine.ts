/** The interface of a library that takes part in a benchmark. */
import type { Contestant } from './measure/race.ts';
import type { Work } from './work.ts';

/** A work that is ready to be timed on an engine. */
export interface PreparedWork extends Contestant {
  /** Numbers on which all engines must agree: from the outputs, or the losses of the first runs of a training step. */
  readonly check: readonly number[];
  release(): Promise<void>;
}

/** A library with a fixed number of threads. */
export interface Engine {
  /** 'PyTorch', 'jax-js', ... */
  readonly library: string;
  readonly version: string;
  readonly threads: number;
  /** Distinguishes several installations of the library; empty if there is only one. */
  readonly variant: string;
  /** The kinds of work that it takes part in; undefined: all. */
  readonly kinds?: readonly Work['kind'][];
  /** Prepares a work. @throws UnsupportedWork if the library does not support it */
  prepare(work: Work): Promise<PreparedWork>;
}

/** The library does not support a work. */
export class UnsupportedWork extends Error {
  override name = 'UnsupportedWork';
}
