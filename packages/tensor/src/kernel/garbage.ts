/**
 * What happens between a collection of garbage and the release of the backend memory that it found unused: finalizers run only when the
 * event loop turns.
 */

/** Whether garbage was collected since the event loop turned last. */
let collected = false;
/** Whether all of it was. */
let collectedAll = false;

const inNextTurn = (body: () => void): void => {
  if (typeof setImmediate === 'function') setImmediate(body);
  else setTimeout(body, 0);
};

/** Notes that garbage was collected, or should have been: all of it, or that of young objects. Finalizers wait for the event loop's next turn. */
export function noteCollection(all = true): void {
  if (all) collectedAll = true;
  if (collected) return;
  collected = true;
  const reset = (): void => {
    collected = false;
    collectedAll = false;
  };
  if (typeof setImmediate === 'function') setImmediate(reset).unref();
  else setTimeout(reset, 0);
}

/**
 * Lets the event loop turn if garbage was collected since the last turn, so that finalizers run. A loop whose computations are all short
 * never returns to the event loop: awaiting them is not enough, and it would keep the memory of every value.
 */
export async function runFinalizers(): Promise<void> {
  if (collected) await new Promise<void>(inNextTurn);
}

/**
 * Whether the event loop has not turned since all garbage was collected, so that memory which nobody uses piles up: a loop without `await`, which reads values
 * with `dataSync`, or none. Values are then kept in JavaScript's own memory, which is freed without finalizers.
 */
export const isStarving = (): boolean => collectedAll;
