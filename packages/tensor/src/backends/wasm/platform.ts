/**
 * What differs between Node.js and browsers, in one place. Node's modules are asked for at run time: nothing here is imported where it
 * does not exist.
 */
import type { WorkerStart } from './messages.ts';
import { webPlatform } from './web-platform.ts';

/** A thread of the pool. */
export interface WorkerHandle {
  /** Messages to the worker; it takes them between jobs. */
  post(message: unknown): void;
  /** Called for each message from the worker; `ended` with a reason when it has stopped by itself. */
  listen(onMessage: (message: unknown) => void, ended: (reason: Error) => void): void;
  /** A referenced worker keeps the process alive. */
  ref(): void;
  unref(): void;
  terminate(): Promise<void>;
}

export interface Platform {
  env(name: string): string | undefined;
  readonly parallelism: number;
  /** Changes V8's flags, where that is possible; null elsewhere. */
  readonly setEngineFlags: ((...flags: readonly string[]) => void) | null;
  /** Major version of Node; 0 elsewhere. */
  readonly nodeMajor: number;
  /** A worker with access to `memory`; null where there are none. */
  readonly createWorker: ((start: WorkerStart) => WorkerHandle) | null;
  /** Why there are no workers, and what to do; null where there are. */
  readonly whyOneThread: string | null;
  /** Whether the calling thread may wait for others asleep (`Atomics.wait`). */
  readonly canBlock: boolean;
  /** Collects garbage now, where that can be asked for; finalizers run with the event loop's next turn. */
  collectGarbage(): void;
}

type WorkerThreads = typeof import('node:worker_threads');

function nodePlatform(): Platform {
  const { Worker, MessageChannel } = process.getBuiltinModule('node:worker_threads') as WorkerThreads;
  const { availableParallelism } = process.getBuiltinModule('node:os');
  const v8 = process.getBuiltinModule('node:v8');
  const { runInNewContext } = process.getBuiltinModule('node:vm');
  let collect: (() => void) | null = null;
  // Node strips types by itself; before, a loader given on the command line does, and the worker needs it too.
  const stripsTypes = Boolean((process.features as { typescript?: unknown }).typescript);
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return {
    env: (name) => process.env[name],
    parallelism: availableParallelism(),
    setEngineFlags: (...flags) => {
      for (const flag of flags) v8.setFlagsFromString(flag);
    },
    nodeMajor: Number(process.versions.node.split('.')[0]),
    createWorker: (data) => {
      const { port1, port2 } = new MessageChannel();
      const worker = new Worker(new URL(/* @vite-ignore */ `./worker.${extension}`, import.meta.url), {
        workerData: { ...data, port: port2 },
        transferList: [port2],
        ...(stripsTypes || extension === 'js' ? { execArgv: [] } : {}),
      });
      return {
        post: (message) => port1.postMessage(message),
        listen: (onMessage, ended) => {
          port1.on('message', onMessage);
          worker.on('error', ended);
          worker.on('exit', (code) => ended(new Error(`worker ${data.index} stopped with code ${code}`)));
          port1.unref();
          worker.unref();
        },
        ref: () => {
          port1.ref();
          worker.ref();
        },
        unref: () => {
          port1.unref();
          worker.unref();
        },
        terminate: async () => {
          await worker.terminate();
          port1.close();
        },
      };
    },
    whyOneThread: null,
    canBlock: true,
    collectGarbage: () => {
      if (collect === null) {
        // V8 offers `gc` in contexts that are made after this flag was set.
        v8.setFlagsFromString('--expose-gc');
        collect = runInNewContext('gc') as () => void;
      }
      collect();
    },
  };
}

export const platform: Platform =
  typeof process !== 'undefined' && typeof process.getBuiltinModule === 'function' ? nodePlatform() : webPlatform();
