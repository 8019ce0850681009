/** A queue in front of a model: one batch is computed at a time, and what waits meanwhile is computed together. */

/** A kind of work. Items of one kind can be computed together; kinds are compared by identity. */
export interface BatchKind<Item, Result> {
  /** Computes some items. @returns a result for each, in their order */
  run(items: readonly Item[]): Promise<readonly Result[]>;
}

/** The items that one caller waits for. */
interface Job {
  readonly kind: BatchKind<unknown, unknown>;
  readonly items: readonly unknown[];
  readonly results: unknown[];
  /** Items that are not yet given to the model. */
  next: number;
  isOver: boolean;
  resolve(results: unknown[]): void;
  reject(reason: unknown): void;
}

/** Some neighboring items of a job, in a batch. */
interface Part {
  readonly job: Job;
  readonly from: number;
  readonly to: number;
}

const itemsOf = ({ job, from, to }: Part): readonly unknown[] => job.items.slice(from, to);

/**
 * The queue. The batch begins with the item that has waited longest, and takes others of its kind in their order. Nothing waits for a
 * batch to become full: with one caller at a time, each is answered at once.
 */
export class BatchQueue {
  readonly #batchSize: number;
  #jobs: Job[] = [];
  #isRunning = false;
  #idle: (() => void)[] = [];
  /** Of the last batches, a moving average in milliseconds. */
  #batchTime = 0;

  /** @param batchSize the largest number of items that are computed together */
  constructor(batchSize: number) {
    this.#batchSize = batchSize;
  }

  /** The number of items that wait. */
  get waiting(): number {
    return this.#jobs.reduce((sum, { items, next }) => sum + items.length - next, 0);
  }

  /** The seconds that the items that wait will take, by the last batches; at least 1. */
  get secondsToWait(): number {
    return Math.max(1, Math.ceil(((Math.ceil(this.waiting / this.#batchSize) + 1) * this.#batchTime) / 1000));
  }

  /**
   * Computes some items, with others that wait.
   *
   * @param signal when aborted, items that have not begun leave the queue
   * @returns the results in the order of the items
   * @throws what `run` of the kind throws, or the reason of the signal
   */
  submit<Item, Result>(
    kind: BatchKind<Item, Result>,
    items: readonly Item[],
    signal: AbortSignal | null = null,
  ): Promise<Result[]> {
    if (items.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = (): void => this.#end(job, () => reject(signal?.reason));
      const job: Job = {
        kind: kind as BatchKind<unknown, unknown>,
        items,
        results: new Array(items.length),
        next: 0,
        isOver: false,
        resolve: (results) => {
          signal?.removeEventListener('abort', abort);
          resolve(results as Result[]);
        },
        reject: (reason) => {
          signal?.removeEventListener('abort', abort);
          reject(reason);
        },
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#jobs.push(job);
      this.#start();
    });
  }

  /** Resolves when nothing waits and nothing is computed. */
  async settled(): Promise<void> {
    if (this.#isRunning) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #end(job: Job, answer: () => void): void {
    if (job.isOver) return;
    job.isOver = true;
    this.#jobs = this.#jobs.filter((other) => other !== job);
    answer();
  }

  #start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#runAll();
  }

  async #runAll(): Promise<void> {
    for (let batch = this.#nextBatch(); batch.length > 0; batch = this.#nextBatch()) {
      const start = performance.now();
      await this.#run(batch);
      const time = performance.now() - start;
      this.#batchTime = this.#batchTime === 0 ? time : 0.8 * this.#batchTime + 0.2 * time;
    }
    this.#isRunning = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** The items that are computed next; empty where none waits. */
  #nextBatch(): Part[] {
    const [first] = this.#jobs;
    if (first === undefined) return [];
    const parts: Part[] = [];
    let room = this.#batchSize;
    for (const job of this.#jobs) {
      if (room === 0) break;
      if (job.kind !== first.kind) continue;
      const from = job.next;
      job.next = Math.min(job.items.length, from + room);
      room -= job.next - from;
      parts.push({ job, from, to: job.next });
    }
    this.#jobs = this.#jobs.filter(({ items, next }) => next < items.length);
    return parts;
  }

  async #run(parts: readonly Part[]): Promise<void> {
    const [first] = parts;
    if (first === undefined) return;
    try {
      const results = await first.job.kind.run(parts.flatMap(itemsOf));
      let at = 0;
      for (const part of parts) at = this.#keep(part, results, at);
    } catch (error) {
      // Only the job at fault fails: each is computed again without the others.
      if (parts.length > 1) for (const part of parts) await this.#run([part]);
      else this.#end(first.job, () => first.job.reject(error));
    }
  }

  /** Keeps the results of a part, which begin at a place of those of the batch. @returns where those of the next part begin */
  #keep({ job, from, to }: Part, results: readonly unknown[], at: number): number {
    for (let k = from; k < to; k++) job.results[k] = results[at + k - from];
    if (to === job.items.length) this.#end(job, () => job.resolve(job.results));
    return at + to - from;
  }
}
