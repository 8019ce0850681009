/** The test page: makes the suite available to Playwright, on the main thread and in workers. */
import { suite } from './suite.ts';

/** Runs one of the suite's functions in a new worker. */
function inWorker(name: string, ...values: unknown[]): Promise<unknown> {
  const worker = new Worker(new URL('./suite.worker.ts', import.meta.url), { type: 'module' });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<{ result?: unknown; error?: string }>) => {
      worker.terminate();
      if (data.error === undefined) resolve(data.result);
      else reject(new Error(data.error));
    };
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage({ name, values });
  });
}

Object.assign(globalThis, { suite, inWorker });
