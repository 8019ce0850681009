/**
 * Executes the runs of one backend one after the other, in the order of the calls. A run that is long enough goes to the workers while the
 * main thread continues; a caller that cannot wait for the event loop calls `finish`, which blocks.
 */
import type { Allocation } from '../../../kernel/backend.ts';
import type { Failure, Job, Pool } from './pool.ts';

export interface Run {
  readonly externals: readonly Allocation[];
  /** A rough estimate of the time on one thread. */
  readonly nanoseconds: number;
  /** Places temporaries and writes addresses; called just before the run starts. */
  prepare(): Job;
  /** The error for a failure. */
  explain(failure: Failure): Error;
}

/**
 * The least estimated time, in nanoseconds, for which waking the threads is worth it: `blocking` if the main thread takes part and waits,
 * `dispatched` if all work goes to the workers and the event loop reports its end.
 */
const worthWaking = { blocking: 25_000, dispatched: 100_000 };

interface Entry {
  readonly run: Run;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The queue of runs. */
export class RunQueue {
  readonly #pool: Pool;
  readonly #afterEach: () => void;
  readonly #entries: Entry[] = [];
  #current: Entry | null = null;
  #dispatched = false;
  /** Settles when the run that was added last has finished. */
  #last: Promise<void> = Promise.resolve();
  #warned = false;

  /** `afterEach` is called whenever a run has finished. */
  constructor(pool: Pool, afterEach: () => void) {
    this.#pool = pool;
    this.#afterEach = afterEach;
  }

  /** Whether a run that has not finished reads or writes the allocation. */
  uses(allocation: Allocation): boolean {
    const uses = ({ run }: Entry): boolean => run.externals.includes(allocation);
    return (this.#current !== null && uses(this.#current)) || this.#entries.some(uses);
  }

  /** Adds a run; resolves when it has finished. */
  add(run: Run): Promise<void> {
    const finished = new Promise<void>((resolve, reject) => {
      this.#entries.push({ run, resolve, reject });
      if (this.#current === null) this.#advance();
    });
    this.#last = finished.catch(() => {});
    return finished;
  }

  /** Resolves when all runs that were added so far have finished or failed. */
  async settled(): Promise<void> {
    await this.#last;
  }

  /** Blocks until the queue is empty. */
  finish(): void {
    while (this.#current !== null) {
      const entry = this.#current;
      if (this.#dispatched) {
        this.#pool.waitFinished();
        this.#conclude(entry);
      } else this.#settle(entry, () => this.#runBlocking(entry.run));
      this.#current = this.#entries.shift() ?? null;
    }
  }

  /** Finishes all earlier runs, then runs on the calling thread, together with the workers if that is worth it. Throws the run's failure. */
  runSync(run: Run): void {
    this.finish();
    this.#runBlocking(run);
    this.#afterEach();
  }

  #runBlocking(run: Run): void {
    const job = run.prepare();
    const failure =
      this.#wantsThreads(run, worthWaking.blocking) && this.#pool.readyToJoin
        ? this.#pool.runHere(job)
        : this.#pool.runAlone(job);
    if (failure !== null) throw run.explain(failure);
  }

  #settle(entry: Entry, body: () => void): void {
    try {
      body();
      entry.resolve();
    } catch (error) {
      entry.reject(error);
    }
    this.#current = null;
    this.#afterEach();
  }

  /** Whether a run is worth using threads. Also starts the workers, so that they are ready next time. */
  #wantsThreads(run: Run, worth: number): boolean {
    if (this.#pool.threads === 1 || run.nanoseconds < worth) return false;
    this.#pool.start();
    const { broken } = this.#pool;
    if (broken !== null && !this.#warned) {
      this.#warned = true;
      console.warn(`wasm: the worker threads have failed, so everything runs on one thread: ${broken.message}`);
    }
    return broken === null;
  }

  /** Starts the next runs in the queue; those that are not worth dispatching run here. */
  #advance(): void {
    for (;;) {
      const entry = this.#entries.shift() ?? null;
      this.#current = entry;
      if (entry === null) return;
      if (this.#wantsThreads(entry.run, worthWaking.dispatched)) {
        if (this.#pool.ready) {
          if (this.#dispatch(entry)) return;
          continue;
        }
        void this.#pool.whenReady().then(() => this.#resume(entry));
        return;
      }
      this.#settle(entry, () => this.#runBlocking(entry.run));
    }
  }

  /** Continues with an entry when the workers are ready or have failed; `finish` may have run it in the meantime. */
  #resume(entry: Entry): void {
    if (this.#current !== entry || this.#dispatched) return;
    if (this.#pool.ready) {
      if (this.#dispatch(entry)) return;
    } else this.#settle(entry, () => this.#runBlocking(entry.run));
    this.#advance();
  }

  /** Starts a run on the workers; returns false if it could not start. */
  #dispatch(entry: Entry): boolean {
    try {
      const job = entry.run.prepare();
      this.#dispatched = true;
      this.#pool.dispatch(job, () => {
        this.#conclude(entry);
        this.#advance();
      });
      return true;
    } catch (error) {
      this.#settle(entry, () => {
        throw error;
      });
      return false;
    }
  }

  #conclude(entry: Entry): void {
    this.#dispatched = false;
    const failure = this.#pool.conclude();
    this.#settle(entry, () => {
      if (failure !== null) throw entry.run.explain(failure);
    });
  }
}
