import { Worker } from 'node:worker_threads';
import { type CacheState, Sampler, type SamplerSpec, type Samples } from './sampler.ts';

/** What a worker is asked for. */
export interface WorkerJob {
  id: number;
  epoch: number;
  rows: Uint32Array;
  slots: Uint32Array;
}

export type WorkerReply = { id: number; samples: Samples } | { id: number; error: string };

/** Something that makes the samples of a batch. */
export interface SampleSource {
  /** Samples of the rows, in parts that together cover the batch. */
  sample(rows: Uint32Array, epoch: number): Promise<Samples[]>;
  /** What the caches held after the latest samples. */
  readonly cached: CacheState;
  close(): Promise<void>;
}

/** Makes samples in this thread; only decoding leaves it. For tests, and where threads are not wanted. */
export function inlineSource(spec: SamplerSpec): SampleSource {
  const opened = Sampler.open(spec);
  opened.catch(() => undefined);
  let last: Promise<unknown> = Promise.resolve();
  let cached: CacheState = { images: 0, bytes: 0 };
  return {
    get cached() {
      return cached;
    },
    sample(rows, epoch) {
      const part = last.then(async () => {
        const samples = await (await opened).sample(rows, Uint32Array.from(rows.keys()), epoch);
        cached = samples.cached;
        return [samples];
      });
      last = part.catch(() => undefined);
      return part;
    },
    async close() {
      await last;
      await opened.then(
        (sampler) => sampler.close(),
        () => undefined,
      );
    },
  };
}

/** The worker stands beside this file: TypeScript in the sources, JavaScript once built. */
const fromSources = import.meta.url.endsWith('.ts');
const workerUrl = new URL(fromSources ? './worker.ts' : './worker.js', import.meta.url);

interface Waiting {
  resolve: (samples: Samples) => void;
  reject: (error: Error) => void;
}

/** One worker thread, with the jobs that it was sent and has not answered. */
class SampleWorker {
  readonly #thread: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #failure: Error | null = null;
  cached: CacheState = { images: 0, bytes: 0 };

  constructor(spec: SamplerSpec) {
    if (fromSources && !process.features.typescript) {
      throw new Error(
        'data workers run from TypeScript sources need Node 22.18 or newer; build first, or ask for 0 workers',
      );
    }
    // Node runs TypeScript by itself, so the loaders of this process are not passed on.
    const execArgv = fromSources ? ['--conditions=tessera-source'] : [];
    this.#thread = new Worker(workerUrl, { workerData: spec, execArgv, name: 'data' });
    this.#thread.on('message', (reply: WorkerReply) => this.#settle(reply));
    this.#thread.on('error', (error) => this.#fail(error));
    this.#thread.on('exit', (code) => this.#fail(new Error(`a data worker ended with code ${code}`)));
    // An idle worker does not keep the process alive; one that is waited for does.
    this.#thread.unref();
  }

  sample(job: WorkerJob): Promise<Samples> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting.set(job.id, { resolve, reject });
      this.#thread.ref();
      this.#thread.postMessage(job);
    });
  }

  async close(): Promise<void> {
    this.#failure ??= new Error('the data loader was closed');
    // Whoever closes waits for the end, also that of an idle thread.
    this.#thread.ref();
    await this.#thread.terminate();
  }

  #settle(reply: WorkerReply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0 && this.#failure === null) this.#thread.unref();
    if ('samples' in reply) {
      this.cached = reply.samples.cached;
      waiting?.resolve(reply.samples);
    } else waiting?.reject(new Error(reply.error));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}

/**
 * Makes samples in worker threads. A row always goes to the same worker, so that each caches its own share of the dataset;
 * what comes out does not depend on their number.
 */
export function workerSource(spec: SamplerSpec, count: number): SampleSource {
  const share = { ...spec, cacheBytes: Math.floor(spec.cacheBytes / count) };
  const workers = Array.from({ length: count }, () => new SampleWorker(share));
  let nextId = 0;
  const total = (key: keyof CacheState): number => workers.reduce((sum, worker) => sum + worker.cached[key], 0);
  return {
    get cached() {
      return { images: total('images'), bytes: total('bytes') };
    },
    async sample(rows, epoch) {
      const parts = workers.map((worker, w) => {
        const slots = Uint32Array.from(rows.keys()).filter((slot) => (rows[slot] as number) % count === w);
        if (slots.length === 0) return null;
        return worker.sample({ id: nextId++, epoch, rows: slots.map((slot) => rows[slot] as number), slots });
      });
      return Promise.all(parts.filter((part) => part !== null));
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.close()));
    },
  };
}
