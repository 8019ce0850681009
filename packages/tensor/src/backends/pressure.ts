/** Decides when to run the garbage collector, which does not know how much backend memory small JavaScript objects keep alive. */

/** How much memory beyond the live memory may accumulate before garbage is collected, in bytes. */
const toleratedGarbage = (live: number): number => Math.max(32 << 20, live / 8);

/** Each collection that freed nothing doubles the growth that is waited for, up to this factor. */
const mostPatience = 16;

/**
 * Decides when to collect garbage. The garbage collector does not see backend memory: an object of a few bytes can keep megabytes
 * alive, and the collector has no reason to look for dead ones. So a collection is requested when the memory in use has grown by an
 * eighth over its minimum since the last one. The memory of a long training run then stays flat, and a collection costs little compared
 * with the work that filled that much memory. If the last collection freed nothing, for example while a model is built, the growth that
 * triggers the next one doubles.
 */
export class PressureGauge {
  readonly #tolerated: (live: number) => number;
  #least = 0;
  #usedAtLast = Number.POSITIVE_INFINITY;
  #patience = 1;

  /** `tolerated`: how much memory may accumulate beyond the live memory, in bytes. */
  constructor(tolerated: (live: number) => number = toleratedGarbage) {
    this.#tolerated = tolerated;
  }

  /** Whether to collect now that `used` bytes are in use. */
  grown(used: number): boolean {
    this.#least = Math.min(this.#least, used);
    if (used - this.#least <= this.#patience * this.#tolerated(this.#least)) return false;
    this.#patience = this.#least < this.#usedAtLast ? 1 : Math.min(2 * this.#patience, mostPatience);
    this.#usedAtLast = used;
    this.#least = used;
    return true;
  }
}

/** What to collect: all garbage, or only that of young objects, which is several times faster. */
export type Garbage = 'all' | 'young';

/** The same for garbage of young objects, which is most of that of a loop. */
const toleratedYoung = (live: number): number => Math.max(8 << 20, live / 32);

/** Decides what to collect when. */
export class Pressure {
  readonly #all = new PressureGauge();
  readonly #young = new PressureGauge(toleratedYoung);

  /** What to collect now that `used` bytes are in use; null: nothing. */
  due(used: number): Garbage | null {
    const young = this.#young.grown(used);
    if (this.#all.grown(used)) return 'all';
    return young ? 'young' : null;
  }
}
