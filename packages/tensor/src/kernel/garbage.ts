/**
 * What happens between a collection of garbage and the release of the backend memory that it found unused: finalizers run only when the
 * event loop turns.
 */

/** The number of collections since the event loop turned last. */
let collections = 0;

const inNextTurn = (body: () => void): void => {
  if (typeof setImmediate === 'function') setImmediate(body);
  else setTimeout(body, 0);
};

/** Notes that garbage was collected, or should have been: finalizers wait for the event loop's next turn. */
export function noteCollection(): void {
  collections++;
  if (collections > 1) return;
  const reset = (): void => {
    collections = 0;
  };
  if (typeof setImmediate === 'function') setImmediate(reset).unref();
  else setTimeout(reset, 0);
}

/**
 * Lets the event loop turn if garbage was collected since the last turn, so that finalizers run. A loop whose computations are all short
 * never gives way to the event loop: awaiting them is not enough, and it would keep the memory of every value.
 */
export async function runFinalizers(): Promise<void> {
  if (collections > 0) await new Promise<void>(inNextTurn);
}

/**
 * Whether the event loop has not turned since garbage was collected, so that memory which nobody uses piles up: a loop without `await`, which reads values
 * with `dataSync`, or none. Values are then kept in JavaScript's own memory, which is freed without finalizers.
 */
export const isStarving = (): boolean => collections > 0;
