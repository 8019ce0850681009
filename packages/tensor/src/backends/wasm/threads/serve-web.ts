/** Starts a thread of the pool in a browser: the first message contains its start data, and later messages arrive as events. */
import type { WorkerMessage, WorkerStart } from './messages.ts';
import { serve } from './serve.ts';

interface WorkerScope {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  postMessage(message: unknown): void;
}

const scope = globalThis as unknown as WorkerScope;
const received: WorkerMessage[] = [];
let arrived: (() => void) | null = null;

scope.onmessage = ({ data: start }) => {
  scope.onmessage = ({ data }) => {
    received.push(data as WorkerMessage);
    arrived?.();
  };
  void serve(start as WorkerStart, {
    next: () => received.shift(),
    more: () =>
      new Promise((resolve) => {
        arrived = resolve;
      }),
    post: (report) => scope.postMessage(report),
  });
};
