import type { Contestant } from './measure/race.ts';
import type { Work } from './work.ts';

/** One work made ready on one engine. */
export interface PreparedWork extends Contestant {
  /** Numbers that all engines must agree on: of the outputs, or the losses of a training step's first runs. */
  readonly check: readonly number[];
  release(): Promise<void>;
}

/** A library with one setting of threads, ready to be timed. */
export interface Engine {
  /** 'PyTorch', 'jax-js', ... */
  readonly library: string;
  readonly version: string;
  readonly threads: number;
  /** What tells it from other installations of the library; empty where there is only one. */
  readonly variant: string;
  /** The works that it takes part in; absent: all. */
  readonly kinds?: readonly Work['kind'][];
  /** @throws UnsupportedWork if the library cannot do it. */
  prepare(work: Work): Promise<PreparedWork>;
}

/** The library lacks what the work needs. */
export class UnsupportedWork extends Error {
  override name = 'UnsupportedWork';
}
