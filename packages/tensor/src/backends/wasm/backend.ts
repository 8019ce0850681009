/** The WebAssembly backend: shared memories, a pool of threads, and code that is generated for each plan. */
import { planKey } from '../../codegen/kernel-key.ts';
import type { Allocation, Backend } from '../../kernel/backend.ts';
import { bytesOf, type DType, type TypedArray, viewArray } from '../../kernel/dtype.ts';
import type { Plan } from '../../kernel/plan.ts';
import { Pressure } from '../pressure.ts';
import { detectRelaxedSimd, type Features } from './emit/features.ts';
import { blockOf, type ExecutableHost, WasmExecutable } from './executable.ts';
import { GrowingBlock, Memories, type PlacedBlock } from './memory/memories.ts';
import { CompiledPlan } from './plan-code.ts';
import { probeWideTiles } from './probe.ts';
import { controlEnd, maximumThreads } from './threads/control.ts';
import { setRevectorizer } from './threads/engine.ts';
import type { Platform } from './threads/platform.ts';
import { Pool } from './threads/pool.ts';
import { RunQueue } from './threads/run-queue.ts';
import { platform as thisPlatform } from './threads/this-platform.ts';

export interface WasmBackendOptions {
  /** The number of threads. Default: environment variable TESSERA_THREADS, else the number of cores that the process may use. */
  readonly threads?: number;
  /**
   * Whether to use V8's re-vectorizer, if the engine has one. Default: yes, unless TESSERA_REVECTORIZE is 0. The first backend decides for
   * the whole process.
   */
  readonly revectorize?: boolean;
  /** Fill temporaries with NaN before each run, and memory when it is freed, which exposes stale reads. Default: whether TESSERA_POISON is 1. */
  readonly poison?: boolean;
  /** Distribute allocations over this number of memories, even if they are not full: for tests. Default: TESSERA_MEMORIES, else 1. */
  readonly memories?: number;
  /** If the temporaries of a plan need more bytes than this, they are placed on several pages, each anywhere in memory. Default: 1 GiB. */
  readonly pageBytes?: number;
}

/** The number of plans whose code is cached, whether in use or not. */
const cachedPlans = 128;
/** Memory filled with this byte is NaN as f32 and as f64. */
const poisonByte = 0xff;

function threadCount({ threads }: WasmBackendOptions, platform: Platform): number {
  const text = platform.env('TESSERA_THREADS') ?? '';
  const [source, count] =
    threads !== undefined
      ? ['threads', threads]
      : ['TESSERA_THREADS', text === '' ? Math.min(platform.parallelism, maximumThreads) : Number(text)];
  if (!Number.isInteger(count) || count < 1 || count > maximumThreads)
    throw new RangeError(`wasm: ${source} must be an integer from 1 to ${maximumThreads}, got ${threads ?? text}`);
  return count;
}

/** One instance of the backend, with its own memories and threads. */
export class WasmBackend implements Backend {
  readonly name = 'wasm';
  readonly threads: number;
  readonly features: Features;
  /** Why the environment allows only one thread, and what to do; null if it allows more. */
  readonly whyOneThread: string | null;
  /** Whether V8's re-vectorizer, which pairs 128-bit operations, is on. */
  readonly revectorized: boolean;
  readonly #poison: boolean;
  readonly #platform: Platform;
  readonly #memories: Memories;
  readonly #pageBytes: number;
  readonly #pressure = new Pressure();
  /** Pages for temporaries, which all plans share, one plan at a time. */
  readonly #pages: GrowingBlock[] = [];
  readonly #scratch: GrowingBlock;
  readonly #pool: Pool;
  readonly #queue: RunQueue;
  /** Cached plans, least recently prepared first. */
  readonly #compiled = new Map<string, CompiledPlan>();
  /** Allocations that were freed while a run uses them. */
  #freedInUse: Allocation[] = [];

  constructor(options: WasmBackendOptions = {}, platform: Platform = thisPlatform) {
    this.#platform = platform;
    this.revectorized = setRevectorizer(platform, options.revectorize ?? platform.env('TESSERA_REVECTORIZE') !== '0');
    this.#poison = options.poison ?? platform.env('TESSERA_POISON') === '1';
    const relaxedSimd = detectRelaxedSimd();
    this.features = { relaxedSimd, wideTiles: probeWideTiles(platform, relaxedSimd) };
    this.#memories = new Memories({
      start: controlEnd,
      collect: () => platform.collectGarbage(),
      spread: options.memories ?? Number(platform.env('TESSERA_MEMORIES') ?? 1),
    });
    this.#pageBytes = options.pageBytes ?? 2 ** 30;
    this.#scratch = new GrowingBlock(this.#memories, 'in first');
    this.#pool = new Pool(this.#memories.first, platform, threadCount(options, platform));
    this.threads = this.#pool.threads;
    this.whyOneThread = platform.whyOneThread;
    if (this.whyOneThread !== null) console.info(`wasm: one thread: ${this.whyOneThread}`);
    this.#queue = new RunQueue(this.#pool, () => this.#releaseUnused());
  }

  allocate(bytes: number): Allocation {
    const garbage = this.#pressure.due(this.#memories.used + bytes);
    if (garbage !== null) this.#platform.collectGarbage(garbage);
    return this.#memories.allocate(bytes);
  }

  free(allocation: Allocation): void {
    if (this.#queue.uses(allocation)) this.#freedInUse.push(allocation);
    else this.#release(blockOf(allocation));
  }

  #release(block: PlacedBlock): void {
    this.#fillWithPoison(block);
    this.#memories.free(block);
  }

  #releaseUnused(): void {
    if (this.#freedInUse.length === 0) return;
    const inUse = this.#freedInUse.filter((allocation) => this.#queue.uses(allocation));
    const unused = this.#freedInUse.filter((allocation) => !inUse.includes(allocation));
    this.#freedInUse = inUse;
    for (const allocation of unused) this.#release(blockOf(allocation));
  }

  #fillWithPoison(block: PlacedBlock | null): void {
    if (!this.#poison || block === null) return;
    this.#memories.bytesOf(block).fill(poisonByte);
  }

  write(allocation: Allocation, data: TypedArray): void {
    const block = blockOf(allocation);
    if (data.byteLength > block.bytes)
      throw new RangeError(`wasm: ${data.byteLength} bytes do not fit into an allocation of ${block.bytes}`);
    if (this.#queue.uses(allocation)) this.#queue.finish();
    this.#memories.bytesOf(block).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  async read(allocation: Allocation, dtype: DType, length: number): Promise<TypedArray> {
    await this.#queue.settled();
    return this.#copy(allocation, dtype, length, 0);
  }

  readSync(allocation: Allocation, dtype: DType, length: number, start = 0): TypedArray {
    this.#queue.finish();
    return this.#copy(allocation, dtype, length, start);
  }

  readInto(allocation: Allocation, target: Uint8Array, start: number): void {
    this.#queue.finish();
    const block = blockOf(allocation);
    const end = start + target.byteLength;
    if (end > block.bytes)
      throw new RangeError(`wasm: cannot read bytes ${start} to ${end} of an allocation of ${block.bytes} bytes`);
    target.set(this.#memories.bytesOf(block).subarray(start, end));
  }

  #copy(allocation: Allocation, dtype: DType, length: number, start: number): TypedArray {
    const block = blockOf(allocation);
    const [from, to] = [start * bytesOf(dtype), (start + length) * bytesOf(dtype)];
    if (to > block.bytes)
      throw new RangeError(
        `wasm: cannot read ${length} elements of ${dtype} (bytes ${from} to ${to}) from an allocation of ${block.bytes} bytes`,
      );
    const copy = new ArrayBuffer(to - from);
    new Uint8Array(copy).set(this.#memories.bytesOf(block).subarray(from, to));
    return viewArray(dtype, copy, 0, length);
  }

  viewBytes(allocation: Allocation): Uint8Array {
    return this.#memories.bytesOf(blockOf(allocation));
  }

  memory(): { readonly used: number; readonly reserved: number } {
    return { used: this.#memories.used, reserved: this.#memories.reserved };
  }

  prepare(plan: Plan): WasmExecutable {
    const key = planKey(plan);
    const isKnown = this.#compiled.has(key);
    const compiled = this.#compile(plan, key);
    const table = this.#memories.allocateInFirst(compiled.lowered.table.length * 4);
    compiled.users++;
    const onDispose = (): void => {
      this.#memories.free(table);
      compiled.users--;
      this.#dropUnused(compiled);
    };
    return new WasmExecutable(this.#host, plan, compiled, table, {
      onDispose,
      engineMs: isKnown ? 0 : compiled.engineMs,
    });
  }

  #compile(plan: Plan, key: string): CompiledPlan {
    const known = this.#compiled.get(key);
    if (known !== undefined) {
      this.#compiled.delete(key);
      this.#compiled.set(key, known);
      return known;
    }
    const compiled = new CompiledPlan(plan, {
      platform: this.#platform,
      features: this.features,
      threads: this.threads,
      memories: this.#memories,
      pool: this.#pool,
    });
    this.#compiled.set(key, compiled);
    if (this.#compiled.size > cachedPlans) this.#dropOldest();
    return compiled;
  }

  #dropOldest(): void {
    const { done, value } = this.#compiled.entries().next();
    if (done) return;
    const [key, oldest] = value;
    this.#compiled.delete(key);
    oldest.cached = false;
    this.#dropUnused(oldest);
  }

  #dropUnused(compiled: CompiledPlan): void {
    if (compiled.users === 0 && !compiled.cached) compiled.drop();
  }

  get #host(): ExecutableHost {
    return {
      memory: this.#memories.first,
      memoryCount: () => this.#memories.count,
      threads: this.threads,
      pageBytes: this.#pageBytes,
      placePages: (bytes) =>
        bytes.map((size, page) => {
          const growing = this.#pages[page] ?? new GrowingBlock(this.#memories, 'anywhere');
          this.#pages[page] = growing;
          const block = growing.reserve(size);
          this.#fillWithPoison(growing.block);
          return block;
        }),
      placeScratch: (bytes) => {
        const { address } = this.#scratch.reserve(bytes * this.threads);
        this.#fillWithPoison(this.#scratch.block);
        return address;
      },
      add: (run) => this.#queue.add(run),
      runSync: (run) => this.#queue.runSync(run),
      finish: () => this.#queue.finish(),
    };
  }

  async synchronize(): Promise<void> {
    await this.#queue.settled();
  }

  warmUp(): void {
    this.#pool.start();
  }

  /** Starts the threads and waits for them. Runs that are long enough start them by themselves. */
  async startThreads(): Promise<void> {
    await this.#pool.whenReady();
  }

  async dispose(): Promise<void> {
    await this.#queue.settled();
    await this.#pool.dispose();
  }
}

/** Creates a separate backend with its own memory and threads. Most programs use `getBackend('wasm')` instead. */
export const createWasmBackend = (options: WasmBackendOptions = {}): WasmBackend => new WasmBackend(options);
