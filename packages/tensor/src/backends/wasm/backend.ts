import type { Allocation, Backend } from '../../backend.ts';
import { bytesOf, type DType, type TypedArray, viewArray } from '../../dtype.ts';
import type { Plan } from '../../plan.ts';
import { planKey } from '../scalar-code/kernel-key.ts';
import { controlEnd, maximumThreads } from './control.ts';
import { compileOptimized, setRevectorizer } from './engine.ts';
import { blockOf, type ExecutableHost, WasmExecutable } from './executable.ts';
import { detectRelaxedSimd, type Features } from './features.ts';
import { lowerPlan, type PlanCode } from './lower.ts';
import { Allocator, type Block, GrowingBlock, maximumPages, PressureGauge, pageBytes } from './memory.ts';
import { type Platform, platform as thisPlatform } from './platform.ts';
import { Pool, type PooledProgram } from './pool.ts';
import { probeWideTiles } from './probe.ts';
import { RunQueue } from './run-queue.ts';

export interface WasmBackendOptions {
  /** Threads that share the work. Default: environment variable TESSERA_THREADS, else the cores that the process may use. */
  readonly threads?: number;
  /** Whether to use V8's re-vectoriser where there is one. Default: yes, unless TESSERA_REVECTORIZE is 0. Decided once a process. */
  readonly revectorize?: boolean;
  /** Fills temporaries with NaN before each run and memory when it is freed, so that stale reads show. Default: TESSERA_POISON is 1. */
  readonly poison?: boolean;
}

/** Compiled code, shared by the executables of equal plans. */
interface CompiledPlan {
  readonly lowered: PlanCode;
  readonly program: PooledProgram;
  users: number;
  cached: boolean;
}

/** Plans whose code is kept, in use or not. */
const cachedPlans = 128;
/**
 * Optimising takes about a microsecond for each byte of code; without, code is some ten times slower until V8 has optimised it in
 * the background. So optimise at once from this many nanoseconds of a run for each byte.
 */
const worthOptimizing = 100;
/** As f32 and f64: NaN. */
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

/** A shared memory that can grow as far as this place allows: browsers on small devices refuse to set aside 4 GiB. */
function largestMemory(initial: number): { memory: WebAssembly.Memory; maximum: number } {
  for (let maximum = maximumPages; ; maximum /= 2) {
    try {
      return { memory: new WebAssembly.Memory({ initial, maximum, shared: true }), maximum };
    } catch (error) {
      if (!(error instanceof RangeError) || maximum / 2 < initial) throw error;
    }
  }
}

/** One shared memory, a pool of threads, and code generated for each plan. */
export class WasmBackend implements Backend {
  readonly name = 'wasm';
  readonly threads: number;
  readonly features: Features;
  /** Why there is but one thread, where it is the surroundings' fault, and what to do; null otherwise. */
  readonly whyOneThread: string | null;
  /** Whether V8 was asked to pair 128-bit operations. */
  readonly revectorized: boolean;
  readonly #poison: boolean;
  readonly #platform: Platform;
  readonly #memory: WebAssembly.Memory;
  readonly #allocator: Allocator;
  readonly #pressure = new PressureGauge();
  readonly #arena: GrowingBlock;
  readonly #scratch: GrowingBlock;
  readonly #pool: Pool;
  readonly #queue: RunQueue;
  /** Least recently prepared first. */
  readonly #compiled = new Map<string, CompiledPlan>();
  #nextProgram = 0;
  /** Freed by their owner while a run uses them. */
  #freedInUse: Allocation[] = [];

  constructor(options: WasmBackendOptions = {}, platform: Platform = thisPlatform) {
    this.#platform = platform;
    this.revectorized = setRevectorizer(platform, options.revectorize ?? platform.env('TESSERA_REVECTORIZE') !== '0');
    this.#poison = options.poison ?? platform.env('TESSERA_POISON') === '1';
    const relaxedSimd = detectRelaxedSimd();
    this.features = { relaxedSimd, wideTiles: probeWideTiles(platform, relaxedSimd) };
    const initial = Math.ceil(controlEnd / pageBytes) + 1;
    const { memory, maximum } = largestMemory(initial);
    this.#memory = memory;
    this.#allocator = new Allocator(memory, {
      start: controlEnd,
      maximumPages: maximum,
      collect: () => platform.collectGarbage(),
    });
    this.#arena = new GrowingBlock(this.#allocator);
    this.#scratch = new GrowingBlock(this.#allocator);
    this.#pool = new Pool(this.#memory, platform, threadCount(options, platform));
    this.threads = this.#pool.threads;
    this.whyOneThread = platform.whyOneThread;
    if (this.whyOneThread !== null) console.info(`wasm: one thread: ${this.whyOneThread}`);
    this.#queue = new RunQueue(this.#pool, () => this.#releaseUnused());
  }

  allocate(bytes: number): Allocation {
    if (this.#pressure.grown(this.#allocator.used + bytes)) this.#platform.collectGarbage();
    return this.#allocator.allocate(bytes);
  }

  free(allocation: Allocation): void {
    if (this.#queue.uses(allocation)) this.#freedInUse.push(allocation);
    else this.#release(blockOf(allocation));
  }

  #release(block: Block): void {
    this.#fillWithPoison(block);
    this.#allocator.free(block);
  }

  #releaseUnused(): void {
    if (this.#freedInUse.length === 0) return;
    const inUse = this.#freedInUse.filter((allocation) => this.#queue.uses(allocation));
    const unused = this.#freedInUse.filter((allocation) => !inUse.includes(allocation));
    this.#freedInUse = inUse;
    for (const allocation of unused) this.#release(blockOf(allocation));
  }

  #fillWithPoison(block: Block | null): void {
    if (!this.#poison || block === null) return;
    new Uint8Array(this.#memory.buffer, block.address, block.bytes).fill(poisonByte);
  }

  write(allocation: Allocation, data: TypedArray): void {
    const { address, bytes } = blockOf(allocation);
    if (data.byteLength > bytes)
      throw new RangeError(`wasm: ${data.byteLength} bytes do not fit into an allocation of ${bytes}`);
    if (this.#queue.uses(allocation)) this.#queue.finish();
    new Uint8Array(this.#memory.buffer, address).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  async read(allocation: Allocation, dtype: DType, length: number): Promise<TypedArray> {
    await this.#queue.settled();
    return this.#copy(allocation, dtype, length);
  }

  readSync(allocation: Allocation, dtype: DType, length: number): TypedArray {
    this.#queue.finish();
    return this.#copy(allocation, dtype, length);
  }

  #copy(allocation: Allocation, dtype: DType, length: number): TypedArray {
    const { address, bytes } = blockOf(allocation);
    if (length * bytesOf(dtype) > bytes)
      throw new RangeError(`wasm: ${length} elements of ${dtype} were asked of an allocation of ${bytes} bytes`);
    const copy = new ArrayBuffer(length * bytesOf(dtype));
    new Uint8Array(copy).set(new Uint8Array(this.#memory.buffer, address, copy.byteLength));
    return viewArray(dtype, copy, 0, length);
  }

  memory(): { readonly used: number; readonly reserved: number } {
    return { used: this.#allocator.used, reserved: this.#allocator.reserved };
  }

  prepare(plan: Plan): WasmExecutable {
    const compiled = this.#compile(plan);
    const table = this.#allocator.allocate(compiled.lowered.table.length * 4);
    compiled.users++;
    return new WasmExecutable(this.#host, plan, compiled, table, () => {
      this.#allocator.free(table);
      compiled.users--;
      this.#dropUnused(compiled);
    });
  }

  #compile(plan: Plan): CompiledPlan {
    const key = planKey(plan);
    const known = this.#compiled.get(key);
    if (known !== undefined) {
      this.#compiled.delete(key);
      this.#compiled.set(key, known);
      return known;
    }
    const { bytes, ...lowered } = lowerPlan(plan, this.features, this.threads);
    const module =
      lowered.nanoseconds > worthOptimizing * bytes.length
        ? compileOptimized(this.#platform, bytes)
        : new WebAssembly.Module(bytes);
    const program = { id: this.#nextProgram++, module, instance: null };
    const compiled = { lowered, program, users: 0, cached: true };
    this.#compiled.set(key, compiled);
    if (this.#compiled.size > cachedPlans) {
      const [[oldestKey, oldest]] = this.#compiled;
      this.#compiled.delete(oldestKey);
      oldest.cached = false;
      this.#dropUnused(oldest);
    }
    return compiled;
  }

  #dropUnused(compiled: CompiledPlan): void {
    if (compiled.users === 0 && !compiled.cached) this.#pool.drop(compiled.program);
  }

  get #host(): ExecutableHost {
    return {
      memory: this.#memory,
      place: (arenaBytes, scratchBytes) => {
        const arena = this.#arena.reserve(arenaBytes);
        const scratch = this.#scratch.reserve(scratchBytes * this.threads);
        this.#fillWithPoison(this.#arena.block);
        this.#fillWithPoison(this.#scratch.block);
        return { arena, scratch };
      },
      add: (run) => this.#queue.add(run),
      runSync: (run) => this.#queue.runSync(run),
      finish: () => this.#queue.finish(),
    };
  }

  async synchronize(): Promise<void> {
    await this.#queue.settled();
  }

  /** Starts the threads and waits for them; runs do it themselves when it is worth it. */
  async startThreads(): Promise<void> {
    await this.#pool.whenReady();
  }

  async dispose(): Promise<void> {
    await this.#queue.settled();
    await this.#pool.dispose();
  }
}

/** A backend of its own, with its own memory and threads. Most programs use `getBackend('wasm')` instead. */
export const createWasmBackend = (options: WasmBackendOptions = {}): WasmBackend => new WasmBackend(options);
