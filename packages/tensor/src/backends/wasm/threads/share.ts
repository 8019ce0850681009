/** Runs one thread's share of a job, on workers and on the main thread. */

import { nth } from '../../../kernel/nth.ts';
import { memoryName } from '../memory/memory.ts';
import { control, currentKernel } from './control.ts';

/** Where a program records times: `count` numbers (f64) for each thread, in the first memory. */
export interface Marks {
  readonly address: number;
  readonly count: number;
}

/** The size of one recorded time, in bytes. */
export const markBytes = 8;

/** The times that a thread recorded last, in milliseconds since 1970. */
export const marksOf = (memory: WebAssembly.Memory, { address, count }: Marks, thread: number): Float64Array =>
  new Float64Array(memory.buffer, address + thread * count * markBytes, count);

/** A compiled plan on one thread. */
export interface Program {
  readonly module: WebAssembly.Module;
  /** The memories that it uses, except the first one. */
  readonly memories: readonly WebAssembly.Memory[];
  /** Null for code without marks. */
  readonly marks: Marks | null;
  /** Created when the program first runs on the thread. */
  instance: WebAssembly.Instance | null;
}

/** The program's instance on one thread; `first` is the memory with the control block. */
export function instanceOf(program: Program, first: WebAssembly.Memory, thread: number): WebAssembly.Instance {
  if (program.instance !== null) return program.instance;
  const { marks } = program;
  const mark = (number: number): void => {
    if (marks !== null) marksOf(first, marks, thread)[number] = performance.timeOrigin + performance.now();
  };
  const memories = [first, ...program.memories].map((memory, k) => [memoryName(k), memory]);
  program.instance = new WebAssembly.Instance(program.module, { env: { mark, ...Object.fromEntries(memories) } });
  return program.instance;
}

const word = (address: number): number => address / 4;

/** Runs thread `thread`'s share of the job that the control block describes. Returns whether it was the last to finish. */
export function runShare(memory: WebAssembly.Memory, program: Program | undefined, thread: number): boolean {
  const words = new Int32Array(memory.buffer);
  const at = (address: number): number => nth(words, word(address));
  const threads = at(control.threads);
  try {
    if (program === undefined) throw new Error(`thread ${thread} did not receive the program that it should run`);
    const run = instanceOf(program, memory, thread).exports.run as (
      table: number,
      thread: number,
      threads: number,
      scratch: number,
    ) => void;
    run(at(control.table), thread, threads, at(control.scratch) + thread * at(control.scratchBytes));
  } catch (error) {
    recordFailure(words, thread, error);
  }
  const last = Atomics.add(words, word(control.finished), 1) + 1 === threads;
  if (last) Atomics.notify(words, word(control.finished));
  return last;
}

/** Stores a failure for `takeFailure`, and releases the threads that wait at a barrier. Only the first failure is stored. */
function recordFailure(words: Int32Array, thread: number, error: unknown): void {
  if (Atomics.compareExchange(words, word(control.failed), 0, thread + 1) !== 0) return;
  words[word(control.failedKernel)] = nth(words, word(currentKernel(thread)));
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const bytes = new TextEncoder().encode(message).subarray(0, control.failureTextBytes);
  new Uint8Array(words.buffer, control.failureText).set(bytes);
  words[word(control.failureLength)] = bytes.length;
  Atomics.add(words, word(control.round), 1);
  Atomics.notify(words, word(control.round));
}

/** Returns and clears the failure of the last job; null if there was none. `kernel` is its number in the plan. */
export function takeFailure(memory: WebAssembly.Memory): { kernel: number; message: string } | null {
  const words = new Int32Array(memory.buffer);
  if (Atomics.load(words, word(control.failed)) === 0) return null;
  const length = nth(words, word(control.failureLength));
  // Copied, because decoders do not accept shared memory.
  const text = new Uint8Array(words.buffer, control.failureText, length).slice();
  const failure = { kernel: nth(words, word(control.failedKernel)), message: new TextDecoder().decode(text) };
  for (const address of [control.failed, control.arrived, control.sleeping]) Atomics.store(words, word(address), 0);
  return failure;
}
