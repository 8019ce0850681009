/**
 * The order of assignments and calls of compiled functions. A call waits for its turn, and then works with the values from the time of the
 * call, whatever was assigned in the meantime: as if it had run at once.
 */
import type { Node } from '../graph/node.ts';
import type { StateCell } from './recording.ts';

interface Assignment {
  readonly cell: StateCell;
  /** The cell's value before. */
  before: Node;
}

/** Assignments since the oldest call that still waits. */
const log: Assignment[] = [];
let waiting = 0;

/** Notes that a cell is about to be assigned, if a call waits that must not see it. */
export function noteAssignment(cell: StateCell): void {
  if (waiting > 0) log.push({ cell, before: cell.node });
}

/** One call of a compiled function, from the call to its end. */
export class Moment {
  readonly #since = log.length;

  constructor() {
    waiting++;
  }

  /**
   * Runs `body` with the cells' values at the time of the call. What `body` changes is changed at that time too: a later assignment stays.
   */
  run<T>(body: () => T): T {
    const restored = new Map<StateCell, { readonly assignment: Assignment; readonly now: Node }>();
    for (const assignment of log.slice(this.#since)) {
      const { cell, before } = assignment;
      if (restored.has(cell)) continue;
      restored.set(cell, { assignment, now: cell.node });
      cell.node = before;
    }
    const waitingCalls = waiting;
    waiting = 0;
    try {
      return body();
    } finally {
      waiting = waitingCalls;
      for (const [cell, { assignment, now }] of restored) {
        assignment.before = cell.node;
        cell.node = now;
      }
    }
  }

  end(): void {
    waiting--;
    if (waiting === 0) log.length = 0;
  }
}
