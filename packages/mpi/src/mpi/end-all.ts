/** Ends all ranks at once. */
import { writeSync } from 'node:fs';
import type { MpiLibrary } from './library.ts';

/** How long the launcher has to pass on what was printed: it stops as soon as it hears of the end. */
const printingMs = 200;

/** Prints why, if there is something to say, and ends the processes of all ranks with this exit code. */
export function endAll({ mpi, abi }: MpiLibrary, message: string | null, code: number): never {
  // Synchronously: nothing runs after this.
  if (message !== null) writeSync(2, `tessera: ${message}\n`);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, printingMs);
  mpi.abort(abi.world, code);
  process.exit(code);
}
