/**
 * A thread of the pool. It sleeps until the job number changes, takes the messages that came meanwhile, does its part, and sleeps
 * again: it never returns to its event loop.
 */
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { control, jobCount } from './control.ts';
import { type Program, runShare } from './share.ts';

/** What the pool posts. */
export type WorkerMessage =
  | { readonly kind: 'load'; readonly id: number; readonly module: WebAssembly.Module }
  | { readonly kind: 'drop'; readonly id: number };

/** What a worker posts. */
export type WorkerReport = { readonly kind: 'ready' } | { readonly kind: 'finished'; readonly serial: number };

const { memory, index, port } = workerData as { memory: WebAssembly.Memory; index: number; port: MessagePort };
const programs = new Map<number, Program>();
const word = (address: number): number => address / 4;

function takeMessages(): void {
  for (;;) {
    const received = receiveMessageOnPort(port) as { message: WorkerMessage } | undefined;
    if (received === undefined) return;
    const { message } = received;
    if (message.kind === 'drop') programs.delete(message.id);
    else programs.set(message.id, { module: message.module, instance: null });
  }
}

let words = new Int32Array(memory.buffer);
const jobs = word(jobCount(index));
let job = Atomics.load(words, jobs);
Atomics.add(words, word(control.ready), 1);
port.postMessage({ kind: 'ready' } satisfies WorkerReport);
for (;;) {
  Atomics.wait(words, jobs, job);
  // The memory may have grown.
  words = new Int32Array(memory.buffer);
  const now = Atomics.load(words, jobs);
  if (now === job) continue;
  job = now;
  takeMessages();
  // Read before the last thread has finished: the main thread may describe the next job from then on.
  const serial = words[word(control.serial)];
  const posts = words[word(control.posts)] !== 0;
  const last = runShare(memory, programs.get(words[word(control.program)]), index);
  if (last && posts) port.postMessage({ kind: 'finished', serial } satisfies WorkerReport);
}
