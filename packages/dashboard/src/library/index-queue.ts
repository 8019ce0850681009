/** Indexes runs: small files at once, large ones one after the other in the background, a piece at a time, so that requests are answered in between. */
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type { WatchedRun } from './watched-run.ts';

/** The background work waits until no curves were asked for during this time, in milliseconds: a page that opens asks several times. */
const quietTime = 300;

export class IndexQueue {
  readonly #onIndexed: (id: string) => void;
  #lastAsked = 0;
  /** Runs that are to be indexed in the background, the next one first. */
  #waiting: WatchedRun[] = [];
  /** What a run's file is being read by, so that nothing is read twice. */
  readonly #reading = new Map<WatchedRun, Promise<void>>();
  #isWorking = false;

  constructor(onIndexed: (id: string) => void) {
    this.#onIndexed = onIndexed;
  }

  /** Whether a run waits for its index. */
  isPending(run: WatchedRun): boolean {
    return this.#waiting.includes(run);
  }

  /** Reads what a run's file has got since it was indexed, unless it waits for its turn. */
  async catchUp(run: WatchedRun): Promise<void> {
    if (!this.isPending(run)) await this.#readAll(run);
  }

  /** Indexes a run at once if there is little to read; otherwise it is the next in the background. */
  async prepare(run: WatchedRun, smallFile: number): Promise<void> {
    if (run.bytes - run.index.offset <= smallFile) {
      await this.catchUp(run);
      return;
    }
    this.#lastAsked = performance.now();
    if (this.isPending(run)) return;
    this.#waiting.push(run);
    void this.#work();
  }

  #readAll(run: WatchedRun): Promise<void> {
    const known = this.#reading.get(run);
    if (known !== undefined) return known;
    const reading = (async () => {
      while ((await run.advance()) === 'more') await nextTurn();
    })().finally(() => this.#reading.delete(run));
    this.#reading.set(run, reading);
    return reading;
  }

  /** The requests that wait are answered first, and those that follow them. */
  async #quiet(): Promise<void> {
    const left = (): number => this.#lastAsked + quietTime - performance.now();
    while (left() > 0) await delay(left(), undefined, { ref: false });
  }

  async #work(): Promise<void> {
    if (this.#isWorking) return;
    this.#isWorking = true;
    await this.#quiet();
    for (let run = this.#waiting[0]; run !== undefined; run = this.#waiting[0]) {
      // A file that cannot be read is shown as far as it was; `look` tells why.
      await this.#readAll(run).catch(() => undefined);
      this.#waiting = this.#waiting.filter((other) => other !== run);
      this.#onIndexed(run.id);
    }
    this.#isWorking = false;
  }
}
