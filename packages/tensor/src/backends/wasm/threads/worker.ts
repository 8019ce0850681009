/** Starts a thread of the pool in Node, which polls for messages between jobs without an event loop. */
import { type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { WorkerMessage, WorkerStart } from './messages.ts';
import { serve } from './serve.ts';

const { port, ...start } = workerData as WorkerStart & { readonly port: MessagePort };

await serve(start, {
  next: () => (receiveMessageOnPort(port) as { message: WorkerMessage } | undefined)?.message,
  more: () => new Promise((resolve) => setImmediate(resolve)),
  post: (report) => port.postMessage(report),
});
