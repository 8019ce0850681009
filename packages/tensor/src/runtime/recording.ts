/** Recording functions into compiled programs: while one is recorded, assignments are reported and values cannot be read. */

import type { Node } from '../graph/node.ts';
import type { Storage } from '../graph/storage.ts';

/** A handle whose value can be replaced: a tensor. */
export interface StateCell {
  node: Node;
}

/** Receives assignments while a function is recorded. */
export interface Recorder {
  /** `storage`, which is pending, will become the cell's value; `cell.node` is still the old value. */
  assigned(cell: StateCell, storage: Storage): void;
  /** The program holds only while the condition does. */
  holdsWhile?(condition: () => boolean): void;
}

let current: Recorder | null = null;
/** An error inside the recording, kept in case that it was thrown into a promise that nothing awaits. */
let violation: Error | null = null;

/** The recorder of the function that is being recorded, if there is one. */
export const currentRecorder = (): Recorder | null => current;

/** Whether a function is being recorded. */
export const isRecording = (): boolean => current !== null;

/**
 * Says that what is recorded now depends on something outside of the program. At the first call after the condition has become false, the
 * function is recorded again. Does nothing outside of a recording.
 */
export const recordedWhile = (condition: () => boolean): void => current?.holdsWhile?.(condition);

/** Runs `body` and reports assignments to `recorder`. Reading a value inside is an error. */
export function withRecording<T>(recorder: Recorder, body: () => T): T {
  const previous = { current, violation };
  current = recorder;
  violation = null;
  try {
    const result = body();
    // The recording fails; whoever called the compiled function is told.
    if (result instanceof Promise) result.catch(() => {});
    if (violation !== null) throw violation;
    return result;
  } finally {
    ({ current, violation } = previous);
  }
}

/** If a function is being recorded, throws and makes the recording fail. */
export function refuseWhileRecording(message: string): void {
  if (current === null) return;
  violation ??= new Error(message);
  throw violation;
}

/** Refuses to read a value while recording: it would become a constant of the program. */
export const refuseReadWhileRecording = (): void =>
  refuseWhileRecording(
    'a value cannot be read while a compiled function is recorded: return the tensor from the function instead',
  );

/**
 * While a function is recorded, a promise that is dropped must not end the process as an unhandled rejection: whoever called the compiled
 * function is told of the failure.
 */
export function droppable<T>(promise: Promise<T>): Promise<T> {
  if (current !== null) promise.catch(() => {});
  return promise;
}
