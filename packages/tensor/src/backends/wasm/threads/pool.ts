/** The pool of threads. Jobs are passed through the control block (see `control.ts`), and modules, which it cannot contain, in messages. */
import { nth } from '../../../kernel/nth.ts';
import { control, currentKernel, jobCount, maximumThreads } from './control.ts';
import type { WorkerMessage, WorkerReport } from './messages.ts';
import type { Platform, WorkerHandle } from './platform.ts';
import { type Program, runShare, takeFailure } from './share.ts';

/** A compiled plan with the number by which threads know it. */
export interface PooledProgram extends Program {
  readonly id: number;
}

/** A program, and the arguments of its `run`. */
export interface Job {
  readonly program: PooledProgram;
  readonly table: number;
  readonly scratch: number;
  /** The scratch memory of each thread, in bytes. */
  readonly scratchBytes: number;
}

export interface Failure {
  /** The kernel's number in the plan. */
  readonly kernel: number;
  readonly message: string;
}

const word = (address: number): number => address / 4;

/** Starts the workers, and runs jobs on them. */
export class Pool {
  readonly #memory: WebAssembly.Memory;
  readonly #platform: Platform;
  /** The number of threads of a job. */
  readonly threads: number;
  #workers: WorkerHandle[] | null = null;
  readonly #loaded = new Set<number>();
  #broken: Error | null = null;
  #onReady: (() => void)[] = [];
  #onFinished: (() => void) | null = null;
  /** The number of reasons to keep the process alive: calls that wait for the workers to be ready, and the job in progress. */
  #holds = 0;
  #disposed = false;
  #serial = 0;

  constructor(memory: WebAssembly.Memory, platform: Platform, threads: number) {
    this.#memory = memory;
    this.#platform = platform;
    this.threads = platform.createWorker === null ? 1 : Math.min(threads, maximumThreads);
  }

  #words(): Int32Array {
    return new Int32Array(this.#memory.buffer);
  }

  /** The error that stopped the workers; null if none did. */
  get broken(): Error | null {
    return this.#broken;
  }

  /** Starts the workers, which takes some time, and returns at once. */
  start(): void {
    const { createWorker } = this.#platform;
    if (this.#disposed || this.#workers !== null || this.threads === 1 || createWorker === null) return;
    this.#workers = Array.from({ length: this.threads }, (_, index) => createWorker({ memory: this.#memory, index }));
    for (const worker of this.#workers)
      worker.listen(
        (report) => this.#receive(report as WorkerReport),
        (reason) => this.#fail(reason),
      );
  }

  /** Whether all workers wait for jobs. */
  get ready(): boolean {
    return this.#workers !== null && this.#broken === null && this.#words()[word(control.ready)] === this.threads;
  }

  /** Whether all workers wait for jobs, and the calling thread may take part in a job. */
  get readyToJoin(): boolean {
    return this.#platform.canBlock && this.ready;
  }

  /** Resolves when the workers are ready, or have failed. */
  async whenReady(): Promise<void> {
    this.start();
    if (this.#workers === null || this.ready || this.#broken !== null) return;
    this.#hold();
    await new Promise<void>((resolve) => this.#onReady.push(resolve));
    this.#release();
  }

  /** Keeps the process alive; each call needs a matching `#release`. */
  #hold(): void {
    if (this.#holds++ === 0) for (const worker of this.#workers ?? []) worker.ref();
  }

  #release(): void {
    if (--this.#holds === 0) for (const worker of this.#workers ?? []) worker.unref();
  }

  #receive(report: WorkerReport): void {
    switch (report.kind) {
      case 'ready':
        if (this.ready) this.#settle();
        return;
      case 'finished':
        // A job that `waitFinished` already waited for reports too, but later.
        if (report.serial === this.#serial) this.#onFinished?.();
        return;
      default:
        report satisfies never;
    }
  }

  #settle(): void {
    const waiting = this.#onReady;
    this.#onReady = [];
    for (const resolve of waiting) resolve();
  }

  #fail(reason: Error): void {
    if (this.#disposed) return;
    this.#broken ??= reason;
    this.#settle();
    this.#onFinished?.();
  }

  #post(job: Job, threads: number, posts: boolean): void {
    const words = this.#words();
    words[word(control.program)] = job.program.id;
    words[word(control.table)] = job.table;
    words[word(control.threads)] = threads;
    words[word(control.scratch)] = job.scratch;
    words[word(control.scratchBytes)] = job.scratchBytes;
    words[word(control.posts)] = posts ? 1 : 0;
    this.#serial = (this.#serial + 1) | 0;
    words[word(control.serial)] = this.#serial;
    Atomics.store(words, word(control.finished), 0);
  }

  #wake(first: number): void {
    const words = this.#words();
    for (let thread = first; thread < this.threads; thread++) {
      Atomics.add(words, word(jobCount(thread)), 1);
      Atomics.notify(words, word(jobCount(thread)));
    }
  }

  #send(message: WorkerMessage): void {
    for (const worker of this.#workers ?? []) worker.post(message);
    Atomics.add(this.#words(), word(control.messages), 1);
  }

  #load({ id, module, memories, marks }: PooledProgram): void {
    if (this.#loaded.has(id)) return;
    this.#loaded.add(id);
    this.#send({ kind: 'load', id, module, memories, marks });
  }

  /** Drops a program from the workers. */
  drop({ id }: PooledProgram): void {
    if (!this.#loaded.delete(id)) return;
    this.#send({ kind: 'drop', id });
  }

  /** Runs a job on the calling thread only. */
  runAlone(job: Job): Failure | null {
    this.#post(job, 1, false);
    runShare(this.#memory, job.program, 0);
    return takeFailure(this.#memory);
  }

  /** Runs a job on all threads, with the calling thread as the first, and blocks until it has finished. Requires `readyToJoin`. */
  runHere(job: Job): Failure | null {
    this.#load(job.program);
    this.#post(job, this.threads, false);
    this.#wake(1);
    runShare(this.#memory, job.program, 0);
    this.waitFinished();
    return takeFailure(this.#memory);
  }

  /** Starts a job on the workers, which must be ready; `finished` is called from the event loop. */
  dispatch(job: Job, finished: () => void): void {
    this.#load(job.program);
    this.#hold();
    this.#onFinished = finished;
    this.#post(job, this.threads, true);
    this.#wake(0);
  }

  /** Blocks until the job in progress has finished; the thread sleeps if it may, otherwise it polls. */
  waitFinished(): void {
    const words = this.#words();
    for (let look = 0; ; look++) {
      const finished = Atomics.load(words, word(control.finished));
      if (finished === this.threads) return;
      // The threads' shares are equal, so the others are usually done in a moment.
      if (look < 2000 || !this.#platform.canBlock) continue;
      Atomics.wait(words, word(control.finished), finished);
    }
  }

  /** Ends a dispatched job that has finished; returns its failure, or null. */
  conclude(): Failure | null {
    this.#onFinished = null;
    this.#release();
    const failure = takeFailure(this.#memory);
    if (failure !== null || this.#broken === null) return failure;
    return { kernel: nth(this.#words(), word(currentKernel(0))), message: this.#broken.message };
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    const workers = this.#workers ?? [];
    this.#workers = null;
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
