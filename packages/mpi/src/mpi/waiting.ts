/** Waiting for something that has to be asked for again and again, without keeping the core from others for long. */

/** How long a rank asks without a pause, and how long with short ones, in ms: by then the others are late, and not just behind. */
const busyMs = 20;
const shortMs = 1000;
const shortPauseMs = 0.1;
const longPauseMs = 1;

export class Waiting {
  readonly #yieldCore: () => void;
  readonly #nothing = new Int32Array(new SharedArrayBuffer(4));

  constructor(yieldCore: () => void) {
    this.#yieldCore = yieldCore;
  }

  /**
   * Asks `done` until it is true, for at most `seconds`; returns whether it was. Once the wait is no short one, calls `late` in between,
   * and, with `pauses`, sleeps.
   */
  until(done: () => boolean, seconds: number, pauses: boolean, late: () => void): boolean {
    const start = performance.now();
    while (!done()) {
      const waited = performance.now() - start;
      if (waited >= seconds * 1000) return false;
      if (waited >= busyMs) late();
      if (waited < busyMs || !pauses) this.#yieldCore();
      else Atomics.wait(this.#nothing, 0, 0, waited < shortMs ? shortPauseMs : longPauseMs);
    }
    return true;
  }
}
