/** The platform in browsers. */

import { noteCollection } from '../../../kernel/garbage.ts';
import type { WorkerStart } from './messages.ts';
import type { Platform, WorkerHandle } from './platform.ts';

function createWorker(start: WorkerStart): WorkerHandle {
  const worker = new Worker(new URL('./web-worker.js', import.meta.url), {
    type: 'module',
    name: `tessera ${start.index}`,
  });
  worker.postMessage(start);
  return {
    post: (message) => worker.postMessage(message),
    listen(onMessage, ended) {
      worker.onmessage = ({ data }) => onMessage(data);
      worker.onerror = (event) => {
        event.preventDefault();
        ended(
          new Error(
            `worker ${start.index} did not start, or failed: ${event.message || 'its script could not be loaded'}`,
          ),
        );
      };
    },
    ref: () => {},
    unref: () => {},
    terminate: async () => worker.terminate(),
  };
}

/** Whether this thread may sleep while it waits: workers may, a page's main thread may not. */
function canBlock(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
}

function whyOneThread(): string | null {
  if (typeof Worker === 'undefined') return 'this environment has no workers';
  if (globalThis.crossOriginIsolated) return null;
  return (
    'the page is not cross-origin isolated, so memory cannot be shared between threads; serve it with the headers ' +
    'Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp'
  );
}

export function webPlatform(): Platform {
  const oneThread = whyOneThread();
  return {
    env: () => undefined,
    parallelism: oneThread === null ? (globalThis.navigator?.hardwareConcurrency ?? 1) : 1,
    setEngineFlags: null,
    nodeMajor: 0,
    createWorker: oneThread === null ? createWorker : null,
    whyOneThread: oneThread,
    canBlock: canBlock(),
    // Nothing can be collected on demand, but the event loop is to turn: finalizers of what the engine collected itself may wait.
    collectGarbage: (what) => noteCollection(what !== 'young'),
  };
}
