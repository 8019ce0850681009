/** Which storages were made inside a `tidy` scope. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { isRecording } from './recording.ts';
import type { Storage } from './storage.ts';

/** The scope in which code runs, also behind an `await`. */
const current = new AsyncLocalStorage<Set<Storage>>();

/** The enclosing scope gives the storage back at its end. What a compiled step records belongs to the step instead. */
export function trackStorage(storage: Storage): void {
  if (!isRecording()) current.getStore()?.add(storage);
}

export const runInScope = <T>(made: Set<Storage>, body: () => T): T => current.run(made, body);
