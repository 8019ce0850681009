import type { Node } from '../graph/node.ts';
import type { Storage } from '../graph/storage.ts';

/** A handle whose value can be replaced: a tensor. */
export interface StateCell {
  node: Node;
}

/** Who listens while a function is recorded into a compiled step. */
export interface Recorder {
  /** The cell is about to stand for `storage`, which is pending; `cell.node` is still the old value. */
  assigned(cell: StateCell, storage: Storage): void;
}

let current: Recorder | null = null;
/** What went wrong inside the recording, also where the error itself was lost in a promise that nobody awaits. */
let violation: Error | null = null;

export const currentRecorder = (): Recorder | null => current;

export const isRecording = (): boolean => current !== null;

/** Runs `body` while `recorder` listens. Reading a value inside is an error. */
export function withRecording<T>(recorder: Recorder, body: () => T): T {
  const previous = { current, violation };
  current = recorder;
  violation = null;
  try {
    const result = body();
    if (violation !== null) throw violation;
    return result;
  } finally {
    ({ current, violation } = previous);
  }
}

/** Throws if a function is being recorded, and makes the recording fail. */
export function refuseWhileRecording(message: string): void {
  if (current === null) return;
  violation ??= new Error(message);
  throw violation;
}

/** A value read while a compiled step is recorded would be frozen into the step. */
export const refuseReadWhileRecording = (): void =>
  refuseWhileRecording('reading a value while recording a compiled step: return it from the function instead');
