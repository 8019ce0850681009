/** The platform in Node, Deno and Bun. Node's modules are loaded at run time, so that browsers can load this file too. */
import { collectGarbage } from '../../collect-garbage.ts';
import type { Platform } from './platform.ts';

type WorkerThreads = typeof import('node:worker_threads');

export function nodePlatform(): Platform {
  const { Worker, MessageChannel } = process.getBuiltinModule('node:worker_threads') as WorkerThreads;
  const { availableParallelism } = process.getBuiltinModule('node:os');
  const v8 = process.getBuiltinModule('node:v8');
  // Newer versions of Node strip types themselves; in older ones a loader on the command line does, and the worker needs it too.
  const stripsTypes = Boolean((process.features as { typescript?: unknown }).typescript);
  const isSource = import.meta.url.endsWith('.ts');
  // Not within `new Worker(...)`, and not a template: Vite refuses such an address, even in code that browsers never run.
  const script = new URL(isSource ? './worker.ts' : './worker.js', import.meta.url);
  return {
    env: (name) => process.env[name],
    parallelism: availableParallelism(),
    // Bun's engine is JavaScriptCore: it accepts V8's flags, but has none of them. In Deno they do not reach V8's choice of a compiler.
    setEngineFlags:
      (process.versions.bun ?? process.versions.deno) !== undefined
        ? null
        : (...flags) => {
            for (const flag of flags) v8.setFlagsFromString(flag);
          },
    nodeMajor: Number(process.versions.node.split('.')[0]),
    createWorker: (data) => {
      const { port1, port2 } = new MessageChannel();
      const worker = new Worker(script, {
        workerData: { ...data, port: port2 },
        transferList: [port2],
        ...(stripsTypes || !isSource ? { execArgv: [] } : {}),
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
    collectGarbage,
  };
}
