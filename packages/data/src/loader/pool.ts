/** Where samples are produced: in this thread or in worker threads. */
import { Worker } from 'node:worker_threads';
import type { BatchRows } from './places.ts';
import { type CacheState, type SampledRows, Sampler, type SamplerSpec, type Samples } from './sampler.ts';

/** A request to a worker. */
export interface WorkerJob extends SampledRows {
  id: number;
  epoch: number;
}

/** Tells a worker which rows it will be asked for, `restart`: these replace those that it was told before. */
export interface WorkerNotice {
  expected: Uint32Array;
  restart: boolean;
}

export type WorkerReply = { id: number; samples: Samples } | { id: number; error: string };

/** Produces the samples of a batch. */
export interface SampleSource {
  /** The samples of the rows, in parts that together are the batch. */
  sample(batch: BatchRows, epoch: number): Promise<Samples[]>;
  /** Tells which rows come next, so that their blocks can be read. `restart`: these replace those that were told before. */
  expect(batch: BatchRows, restart: boolean): void;
  /** The content of the caches after the latest samples. */
  readonly cached: CacheState;
  close(): Promise<void>;
}

/** Produces samples in this thread; only decoding uses other threads. For tests, and for programs without worker threads. */
export function inlineSource(spec: SamplerSpec): SampleSource {
  const opened = Sampler.open(spec);
  opened.catch(() => undefined);
  let last: Promise<unknown> = Promise.resolve();
  let cached: CacheState = { images: 0, bytes: 0 };
  return {
    get cached() {
      return cached;
    },
    expect({ rows }, restart) {
      opened.then(
        (sampler) => sampler.expect(rows, restart),
        () => undefined,
      );
    },
    sample({ rows, streams }, epoch) {
      const part = last.then(async () => {
        const samples = await (await opened).sample({ rows, streams, slots: Uint32Array.from(rows.keys()) }, epoch);
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

/** The script of the worker: TypeScript in the sources, JavaScript after a build. */
const fromSources = import.meta.url.endsWith('.ts');
const workerUrl = new URL(fromSources ? './worker.ts' : './worker.js', import.meta.url);

/** The memory of a worker for short-lived objects, of which decoding makes few at a time. */
const youngMegabytes = 16;

interface Waiting {
  resolve: (samples: Samples) => void;
  reject: (error: Error) => void;
}

/** A worker thread, with the jobs that it has not answered yet. */
class SampleWorker {
  readonly #thread: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #failure: Error | null = null;
  cached: CacheState = { images: 0, bytes: 0 };

  constructor(spec: SamplerSpec) {
    if (fromSources && !process.features.typescript) {
      throw new Error(
        'data workers from TypeScript sources need Node 22.18 or newer; build the packages first, or use 0 workers',
      );
    }
    // Node runs TypeScript itself, so the module loaders of this process are not passed on.
    const execArgv = fromSources ? ['--conditions=tessera-source'] : [];
    this.#thread = new Worker(workerUrl, {
      workerData: spec,
      execArgv,
      name: 'data',
      // The engine's own limit, 128 MB or more, is reached by any thread that works long enough.
      resourceLimits: { maxYoungGenerationSizeMb: youngMegabytes },
    });
    this.#thread.on('message', (reply: WorkerReply) => this.#settle(reply));
    this.#thread.on('error', (error) => this.#fail(error));
    this.#thread.on('exit', (code) => this.#fail(new Error(`a data worker ended with code ${code}`)));
    // A worker keeps the process alive only while it has jobs.
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

  expect(notice: WorkerNotice): void {
    if (this.#failure === null) this.#thread.postMessage(notice);
  }

  async close(): Promise<void> {
    this.#failure ??= new Error('the data loader was closed');
    // The caller waits for the end of the thread, even if it is idle.
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

/** Produces samples in worker threads. The samples do not depend on the number of workers. */
export function workerSource(spec: SamplerSpec, count: number): SampleSource {
  const part = (bytes: number): number => Math.floor(bytes / count);
  const share = {
    ...spec,
    cacheBytes: part(spec.cacheBytes),
    blockBytes: part(spec.blockBytes),
    readAheadBytes: part(spec.readAheadBytes),
  };
  const workers = Array.from({ length: count }, () => new SampleWorker(share));
  let nextId = 0;
  const total = (key: keyof CacheState): number => workers.reduce((sum, worker) => sum + worker.cached[key], 0);
  return {
    get cached() {
      return { images: total('images'), bytes: total('bytes') };
    },
    expect({ rows, lanes }, restart) {
      workers.forEach((worker, w) => {
        const expected = rows.filter((_, slot) => (lanes[slot] as number) % count === w);
        if (restart || expected.length > 0) worker.expect({ expected, restart });
      });
    },
    async sample({ rows, streams, lanes }, epoch) {
      const parts = workers.map((worker, w) => {
        const slots = Uint32Array.from(rows.keys()).filter((slot) => (lanes[slot] as number) % count === w);
        if (slots.length === 0) return null;
        const own = (values: Uint32Array): Uint32Array => slots.map((slot) => values[slot] as number);
        return worker.sample({ id: nextId++, epoch, rows: own(rows), streams: own(streams), slots });
      });
      return Promise.all(parts.filter((part) => part !== null));
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.close()));
    },
  };
}
