/** Which storages were made inside a `tidy` scope. */

import type { Storage } from '../graph/storage.ts';
import { contextVariable } from './async-context.ts';
import { isRecording } from './recording.ts';

type Scope = Set<Storage>;

const current = contextVariable<Scope>();

/**
 * The scope in which code runs. Whoever stores a value later than it was asked for takes the scope when it is asked: not every
 * engine follows a scope behind an `await`. Null also while a compiled step is recorded: what it makes belongs to the step.
 */
export const currentScope = (): Scope | null => (isRecording() ? null : (current.get() ?? null));

/** The scope gives the storage back at its end. */
export function trackStorage(storage: Storage, scope: Scope | null = currentScope()): void {
  scope?.add(storage);
}

export const runInScope = <T>(made: Scope, body: () => T): T => current.run(made, body);
