import type { Node } from './node.ts';
import type { Storage } from './storage.ts';

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

export const currentRecorder = (): Recorder | null => current;

export const isRecording = (): boolean => current !== null;

/** Runs `body` while `recorder` listens. Reading a value inside is an error. */
export function withRecording<T>(recorder: Recorder, body: () => T): T {
  const previous = current;
  current = recorder;
  try {
    return body();
  } finally {
    current = previous;
  }
}

/** Throws while a compiled step is recorded: a value read there would be frozen into the step. */
export function refuseReadWhileRecording(): void {
  if (isRecording())
    throw new Error('reading a value while recording a compiled step: return it from the function instead');
}
