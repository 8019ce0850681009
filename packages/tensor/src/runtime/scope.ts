/** Scopes of `tidy`: the storages that were created inside of each. */

import type { Storage } from '../graph/storage.ts';
import { contextVariable } from './async-context.ts';
import { isRecording } from './recording.ts';

type Scope = Set<Storage>;

const current = contextVariable<Scope>();

/**
 * The scope that code runs in, null outside of any. Asynchronous functions must take it when they are called, not when they resume,
 * because not every engine follows a scope across an `await`. Null also while a compiled function is recorded: what it creates belongs to
 * the program.
 */
export const currentScope = (): Scope | null => (isRecording() ? null : (current.get() ?? null));

/** Makes the scope release the storage at its end. */
export function trackStorage(storage: Storage, scope: Scope | null = currentScope()): void {
  scope?.add(storage);
}

/** Runs `body`; storages that are created inside are added to `made`. */
export const runInScope = <T>(made: Scope, body: () => T): T => current.run(made, body);
