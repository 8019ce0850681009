/** Scopes of `tidy`: the storages that were created inside of each. */

import { nextNodeId } from '../graph/node.ts';
import type { Storage } from '../graph/storage.ts';
import { contextVariable } from './async-context.ts';
import { isRecording } from './recording.ts';

/** One call of `tidy`. */
export class Scope {
  /** The storages that were created inside. */
  readonly made = new Set<Storage>();
  /** Nodes with smaller numbers come from outside. */
  readonly firstNode = nextNodeId();
  readonly outer = currentScope();
}

const current = contextVariable<Scope>();

/**
 * The scope that code runs in, null outside of any. Asynchronous functions must take it when they are called, not when they resume,
 * because not every engine follows a scope across an `await`. Null also while a compiled function is recorded: what it creates belongs to
 * the program.
 */
export function currentScope(): Scope | null {
  return isRecording() ? null : (current.get() ?? null);
}

/** Makes the scope release the storage at its end. */
export function trackStorage(storage: Storage, scope: Scope | null = currentScope()): void {
  scope?.made.add(storage);
}

/** Makes a scope release the value of a node at its end: the innermost scope in which the node was made. */
export function trackValue(node: number, storage: Storage, scope: Scope | null): void {
  let owner = scope;
  while (owner !== null && node < owner.firstNode) owner = owner.outer;
  trackStorage(storage, owner);
}

/** Runs `body` in the scope. */
export const runInScope = <T>(scope: Scope, body: () => T): T => current.run(scope, body);
