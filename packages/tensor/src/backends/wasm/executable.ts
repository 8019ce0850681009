/** Runs the code of one plan: it places temporaries, writes the buffers' addresses, and starts the threads. */
import type { Allocation, Executable, GeneratedCode } from '../../kernel/backend.ts';
import { bytesOf } from '../../kernel/dtype.ts';
import { nth } from '../../kernel/nth.ts';
import type { Plan } from '../../kernel/plan.ts';
import { lifetimesOf, placeTemporaries, type TemporaryPlace } from '../../kernel/temporaries.ts';
import type { PlanCode } from './lower.ts';
import type { PlacedBlock } from './memory/memories.ts';
import { alignment } from './memory/memory.ts';
import type { CompiledPlan, PlacedProgram } from './plan-code.ts';
import type { Failure, Job } from './threads/pool.ts';
import type { Run } from './threads/run-queue.ts';
import { instanceOf, marksOf } from './threads/share.ts';

/** The measured time of one kernel of a plan. */
export interface KernelProfile {
  readonly kernel: string;
  readonly milliseconds: number;
  /** The number of floating-point operations; each instruction of a fused program counts as one. */
  readonly operations: number;
  /** The bytes of memory that are read and written, with each access counted once. */
  readonly bytes: number;
}

/** The time during which one thread worked on one kernel of a plan. Between spans it waited for other threads. */
export interface KernelSpan {
  /** The kernel's number in the plan, counted through all stages. */
  readonly kernel: number;
  readonly thread: number;
  /** In milliseconds since 1970. */
  readonly start: number;
  readonly end: number;
  /** The number of floating-point operations of the whole kernel, for all threads together. */
  readonly operations: number;
}

/** What executables need from their backend. */
export interface ExecutableHost {
  /** The first memory. */
  readonly memory: WebAssembly.Memory;
  /** The current number of memories. */
  memoryCount(): number;
  readonly threads: number;
  /** The largest size of a page of temporaries, in bytes: larger plans use several pages. */
  readonly pageBytes: number;
  /** Places the pages of temporaries of a run, given the bytes of each. */
  placePages(bytes: readonly number[]): readonly PlacedBlock[];
  /** Places the scratch memory of all threads in the first memory, `bytes` for each, and returns its address. */
  placeScratch(bytes: number): number;
  add(run: Run): Promise<void>;
  runSync(run: Run): void;
  finish(): void;
}

/** The allocation as a block of this backend. Throws TypeError if it belongs to another backend. */
export const blockOf = (allocation: Allocation): PlacedBlock => {
  if (!('address' in allocation)) throw new TypeError('wasm: this allocation belongs to another backend');
  return allocation as PlacedBlock;
};

/** The least size of each external buffer of a plan, in bytes. */
function externalBytes(plan: Plan): number[] {
  const bytes = new Array<number>(plan.externalCount).fill(0);
  for (const { place, dtype, length } of plan.buffers)
    if (place.kind === 'external') {
      const end = (place.byteOffset ?? 0) + length * bytesOf(dtype);
      bytes[place.index] = Math.max(nth(bytes, place.index), end);
    }
  return bytes;
}

interface PagedTemporaries {
  /** The size of each page, in bytes. */
  readonly pages: readonly number[];
  /** The place of each buffer of the plan; of an external buffer only the offset means something. */
  readonly places: readonly TemporaryPlace[];
}

/** The plan's arena as a single page, or, if it is too large for one block, its temporaries placed on several pages. */
function pageTemporaries({ buffers, stages, arenaBytes }: Plan, pageBytes: number): PagedTemporaries {
  if (arenaBytes <= pageBytes) {
    const places = buffers.map(({ place }) => ({ page: 0, byteOffset: place.byteOffset ?? 0 }));
    return { pages: [arenaBytes], places };
  }
  const places = buffers.map(
    ({ place }): TemporaryPlace => ({
      page: 0,
      byteOffset: place.kind === 'external' ? (place.byteOffset ?? 0) : 0,
    }),
  );
  const temporaries = [...lifetimesOf(stages)].flatMap(([buffer, lifetime]) => {
    const { place, length, dtype } = nth(buffers, buffer);
    return place.kind === 'arena' ? [{ buffer, bytes: length * bytesOf(dtype), ...lifetime }] : [];
  });
  const placed = placeTemporaries(temporaries, { alignment, pageBytes });
  for (const [k, { buffer }] of temporaries.entries()) places[buffer] = nth(placed.places, k);
  return { pages: placed.pages, places };
}

export class WasmExecutable implements Executable {
  readonly slowKernels: Executable['slowKernels'];
  readonly engineMs: number;
  readonly #host: ExecutableHost;
  readonly #plan: Plan;
  readonly #code: CompiledPlan;
  readonly #lowered: PlanCode;
  readonly #table: PlacedBlock;
  readonly #onDispose: () => void;
  readonly #externalBytes: readonly number[];
  readonly #temporaries: PagedTemporaries;
  readonly #words: TableWords;
  #unfinished = 0;
  #disposed = false;

  constructor(
    host: ExecutableHost,
    plan: Plan,
    code: CompiledPlan,
    table: PlacedBlock,
    { onDispose, engineMs }: { onDispose: () => void; engineMs: number },
  ) {
    this.engineMs = engineMs;
    this.#host = host;
    this.#plan = plan;
    this.#code = code;
    this.#lowered = code.lowered;
    this.#table = table;
    this.#onDispose = onDispose;
    this.#externalBytes = externalBytes(plan);
    this.#temporaries = pageTemporaries(plan, host.pageBytes);
    this.#words = tableWords(plan, code.lowered.table, this.#temporaries);
    this.slowKernels = code.lowered.slow;
  }

  async run(externals: readonly Allocation[], before?: () => void): Promise<void> {
    const run = this.#runAfter(before, externals);
    this.#unfinished++;
    try {
      await this.#host.add(run);
    } finally {
      this.#unfinished--;
    }
  }

  runSync(externals: readonly Allocation[], before?: () => void): void {
    this.#host.runSync(this.#runAfter(before, externals));
  }

  /** Runs the kernels one by one on the calling thread, and measures each. */
  profile(externals: readonly Allocation[]): KernelProfile[] {
    const run = this.#runWith(externals);
    this.#host.finish();
    const { program, table, scratch } = run.prepare();
    const { exports } = instanceOf(program, this.#host.memory, 0);
    return this.#lowered.calls.map(({ name, exportName, tableOffset, operations, bytes }) => {
      const kernel = exports[exportName] as (args: number, thread: number, threads: number, scratch: number) => void;
      const start = performance.now();
      kernel(table + tableOffset, 0, 1, scratch);
      return { kernel: name, milliseconds: performance.now() - start, operations, bytes };
    });
  }

  /** Runs like `run`, and reports when each thread worked on which kernel: for a timeline. */
  async trace(externals: readonly Allocation[]): Promise<KernelSpan[]> {
    const pages = this.#host.placePages(this.#temporaries.pages);
    const marked = this.#code.marked(this.#memoriesOf(externals, pages));
    try {
      const { memory, threads } = this.#host;
      const times = Array.from({ length: threads }, (_, thread) => marksOf(memory, marked.recorded, thread));
      // The first run creates the instances. Threads that do not take part in the second leave zeros.
      for (let run = 0; run < 2; run++) {
        for (const own of times) own.fill(0);
        await this.#host.add(this.#runWith(externals, () => marked));
      }
      return times.flatMap((own, thread) =>
        this.#lowered.calls
          .map(({ operations }, kernel) => ({
            ...{ kernel, thread, operations },
            start: nth(own, 2 * kernel),
            end: nth(own, 2 * kernel + 1),
          }))
          .filter(({ start }) => start > 0),
      );
    } finally {
      this.#code.dropMarked(marked);
    }
  }

  code(): GeneratedCode[] {
    return this.#code.text();
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.#unfinished > 0) this.#host.finish();
    this.#onDispose();
  }

  /** A run that calls `before` when its turn has come. */
  #runAfter(before: (() => void) | undefined, externals: readonly Allocation[]): Run {
    const run = this.#runWith(externals);
    if (before === undefined) return run;
    const prepare = (): Job => {
      before();
      return run.prepare();
    };
    return { ...run, prepare };
  }

  #runWith(
    externals: readonly Allocation[],
    code: (memories: readonly number[] | null) => PlacedProgram = (memories) => this.#code.placed(memories),
  ): Run {
    this.#check(externals);
    return {
      externals,
      nanoseconds: this.#lowered.nanoseconds,
      prepare: () => this.#prepare(externals, code),
      explain: ({ kernel, message }: Failure) =>
        new Error(`wasm: kernel '${this.#lowered.calls[kernel]?.name ?? kernel}' failed: ${message}`),
    };
  }

  #check(externals: readonly Allocation[]): void {
    if (this.#disposed) throw new Error('wasm: this executable was disposed');
    const needed = this.#externalBytes;
    if (externals.length !== needed.length)
      throw new RangeError(`wasm: the plan has ${needed.length} external buffers, got ${externals.length}`);
    for (const [k, bytes] of needed.entries()) {
      const given = blockOf(nth(externals, k)).bytes;
      if (given < bytes) throw new RangeError(`wasm: external buffer ${k} needs ${bytes} bytes, got ${given}`);
    }
  }

  /** The memory that contains each buffer of the plan. */
  #memoriesOf(externals: readonly Allocation[], pages: readonly PlacedBlock[]): number[] {
    return this.#plan.buffers.map(({ place }, buffer) => {
      return place.kind === 'external'
        ? blockOf(nth(externals, place.index)).memory
        : nth(pages, nth(this.#temporaries.places, buffer).page).memory;
    });
  }

  /** Writes the addresses of all buffers. This happens in every run, so it avoids creating objects. */
  #prepare(externals: readonly Allocation[], code: (memories: readonly number[] | null) => PlacedProgram): Job {
    const pages = this.#host.placePages(this.#temporaries.pages);
    const { program, scratchBytes: needed } = code(
      this.#host.memoryCount() === 1 ? null : this.#memoriesOf(externals, pages),
    );
    const scratchBytes = Math.ceil(needed / 64) * 64;
    const scratch = this.#host.placeScratch(scratchBytes);
    const { address: table } = this.#table;
    const { external, page, offset } = this.#words;
    const words = new Int32Array(this.#host.memory.buffer, table, external.length);
    for (let k = 0; k < words.length; k++) {
      const index = nth(external, k);
      const { address } = index < 0 ? nth(pages, nth(page, k)) : blockOf(nth(externals, index));
      words[k] = address + nth(offset, k);
    }
    return { program, table, scratch, scratchBytes };
  }
}

/** The source of the address in each word of a plan's table. */
interface TableWords {
  /** The number of the external buffer; -1 for a temporary. */
  readonly external: Int32Array;
  /** The page of a temporary. */
  readonly page: Int32Array;
  /** The offset from the start of the page or of the external buffer, in bytes. */
  readonly offset: Float64Array;
}

function tableWords({ buffers }: Plan, table: readonly number[], { places }: PagedTemporaries): TableWords {
  const external = table.map((buffer) => {
    const { place } = nth(buffers, buffer);
    return place.kind === 'external' ? place.index : -1;
  });
  return {
    external: Int32Array.from(external),
    page: Int32Array.from(table, (buffer) => nth(places, buffer).page),
    offset: Float64Array.from(table, (buffer) => nth(places, buffer).byteOffset),
  };
}
