/** So much more than what certainly lives is tolerated before garbage is collected. */
const toleratedGarbage = (living: number): number => Math.max(32 << 20, living / 8);

/** A collection that freed nothing makes us wait so many times as long for the next, up to this. */
const mostPatience = 16;

/**
 * Says when to collect garbage. The garbage collector does not see this memory: objects of some bytes keep megabytes here, and it
 * has no reason to look for dead ones. So it is asked when the use has grown by an eighth over the least since the last time: the
 * memory of a long training run stays flat, and a collection costs little beside the work that filled so much. Where the last one
 * freed nothing, as while a model is made, twice as much growth is waited for.
 */
export class PressureGauge {
  #least = 0;
  #usedAtLast = Number.POSITIVE_INFINITY;
  #patience = 1;

  /** Whether to collect now, `used` bytes being in use. */
  grown(used: number): boolean {
    this.#least = Math.min(this.#least, used);
    if (used - this.#least <= this.#patience * toleratedGarbage(this.#least)) return false;
    this.#patience = this.#least < this.#usedAtLast ? 1 : Math.min(2 * this.#patience, mostPatience);
    this.#usedAtLast = used;
    this.#least = used;
    return true;
  }
}
