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
/** The number of assignments that came before those in the log. */
let forgotten = 0;
/** The calls that wait, oldest first. */
const waiting = new Set<Moment>();
/** Whether what is assigned belongs to the time of a call. */
let inThePast = false;

/** Notes that a cell is about to be assigned, if a call waits that must not see it. */
export function noteAssignment(cell: StateCell): void {
  if (waiting.size > 0 && !inThePast) log.push({ cell, before: cell.node });
}

/** One call of a compiled function, from the call to its end. */
export class Moment {
  readonly #since = forgotten + log.length;

  constructor() {
    waiting.add(this);
  }

  /**
   * Runs `body` with the cells' values at the time of the call. What `body` changes is changed at that time too: a later assignment stays.
   */
  run<T>(body: () => T): T {
    const restored = new Map<StateCell, { readonly assignment: Assignment; readonly now: Node }>();
    for (const assignment of log.slice(this.#since - forgotten)) {
      const { cell, before } = assignment;
      if (restored.has(cell)) continue;
      restored.set(cell, { assignment, now: cell.node });
      cell.node = before;
    }
    inThePast = true;
    try {
      return body();
    } finally {
      inThePast = false;
      for (const [cell, { assignment, now }] of restored) {
        assignment.before = cell.node;
        cell.node = now;
      }
    }
  }

  end(): void {
    waiting.delete(this);
    const [oldest] = waiting;
    const needed = oldest === undefined ? forgotten + log.length : oldest.#since;
    log.splice(0, needed - forgotten);
    forgotten = needed;
  }
}
