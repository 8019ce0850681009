import type { Allocation, Executable, GeneratedCode } from '../../kernel/backend.ts';
import { bytesOf } from '../../kernel/dtype.ts';
import type { Plan } from '../../kernel/plan.ts';
import { lifetimesOf, placeTemporaries, type TemporaryPlace } from '../../kernel/temporaries.ts';
import type { PlanCode } from './lower.ts';
import type { PlacedBlock } from './memory/memories.ts';
import { alignment } from './memory/memory.ts';
import type { CompiledPlan, PlacedProgram } from './plan-code.ts';
import type { Failure, Job } from './threads/pool.ts';
import type { Run } from './threads/run-queue.ts';
import { instanceOf, type Marks, marksOf } from './threads/share.ts';

/** What one kernel of a plan took. */
export interface KernelProfile {
  readonly kernel: string;
  readonly milliseconds: number;
  /** Floating-point operations; an instruction of a fused program counts as one. */
  readonly operations: number;
  /** Memory read and written, each access counted once. */
  readonly bytes: number;
}

/** When one thread worked on one kernel of a plan. Between spans it waited for others. */
export interface KernelSpan {
  /** The kernel's number in the plan, counted over its stages. */
  readonly kernel: number;
  readonly thread: number;
  /** In milliseconds since 1970. */
  readonly start: number;
  readonly end: number;
  /** Floating-point operations of the whole kernel, all threads together. */
  readonly operations: number;
}

/** What executables need of their backend. */
export interface ExecutableHost {
  /** The first memory. */
  readonly memory: WebAssembly.Memory;
  /** How many memories there are by now. */
  memoryCount(): number;
  readonly threads: number;
  /** The most bytes that temporaries have side by side: larger plans use several pages. */
  readonly pageBytes: number;
  /** Where the pages of temporaries of a run are, given the bytes of each. */
  placePages(bytes: readonly number[]): readonly PlacedBlock[];
  /** The address, in the first memory, of all threads' scratch memory, `bytes` for each. */
  placeScratch(bytes: number): number;
  add(run: Run): Promise<void>;
  runSync(run: Run): void;
  finish(): void;
}

export const blockOf = (allocation: Allocation): PlacedBlock => {
  if (!('address' in allocation)) throw new TypeError('wasm: this allocation belongs to another backend');
  return allocation as PlacedBlock;
};

/** Bytes that each external buffer of a plan must have. */
function externalBytes(plan: Plan): number[] {
  const bytes = new Array<number>(plan.externalCount).fill(0);
  for (const { place, dtype, length } of plan.buffers)
    if (place.kind === 'external') bytes[place.index] = Math.max(bytes[place.index], length * bytesOf(dtype));
  return bytes;
}

interface PagedTemporaries {
  readonly pages: readonly number[];
  /** By the plan's number of the buffer; of no meaning for externals. */
  readonly places: readonly TemporaryPlace[];
}

/** A plan's arena as it is, or, where it is too large for one block, its temporaries placed anew on pages. */
function pageTemporaries({ buffers, stages, arenaBytes }: Plan, pageBytes: number): PagedTemporaries {
  if (arenaBytes <= pageBytes) {
    const places = buffers.map(({ place }) => ({ page: 0, byteOffset: place.kind === 'arena' ? place.byteOffset : 0 }));
    return { pages: [arenaBytes], places };
  }
  const places = buffers.map((): TemporaryPlace => ({ page: 0, byteOffset: 0 }));
  const temporaries = [...lifetimesOf(stages)].filter(([buffer]) => buffers[buffer].place.kind === 'arena');
  const placed = placeTemporaries(
    temporaries.map(([buffer, lifetime]) => ({
      bytes: buffers[buffer].length * bytesOf(buffers[buffer].dtype),
      ...lifetime,
    })),
    { alignment, pageBytes },
  );
  temporaries.forEach(([buffer], k) => {
    places[buffer] = placed.places[k];
  });
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

  async run(externals: readonly Allocation[]): Promise<void> {
    const run = this.#runWith(externals);
    this.#unfinished++;
    try {
      await this.#host.add(run);
    } finally {
      this.#unfinished--;
    }
  }

  runSync(externals: readonly Allocation[]): void {
    this.#host.runSync(this.#runWith(externals));
  }

  /** Runs kernel by kernel on the calling thread alone, and times each. */
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

  /** Runs as `run` does, and says when each thread worked on what: for a timeline. */
  async trace(externals: readonly Allocation[]): Promise<KernelSpan[]> {
    const pages = this.#host.placePages(this.#temporaries.pages);
    const marked = this.#code.marked(this.#memoriesOf(externals, pages));
    try {
      const { memory, threads } = this.#host;
      const times = Array.from({ length: threads }, (_, thread) =>
        marksOf(memory, marked.program.marks as Marks, thread),
      );
      // The first run makes instances. Threads that take no part in the second leave zeros.
      for (let run = 0; run < 2; run++) {
        for (const own of times) own.fill(0);
        await this.#host.add(this.#runWith(externals, () => marked));
      }
      return times.flatMap((own, thread) =>
        this.#lowered.calls
          .map(({ operations }, kernel) => ({
            ...{ kernel, thread, operations },
            start: own[2 * kernel],
            end: own[2 * kernel + 1],
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
    if (this.#disposed) throw new Error('wasm: this executable was disposed of');
    const needed = this.#externalBytes;
    if (externals.length !== needed.length)
      throw new RangeError(`wasm: the plan has ${needed.length} external buffers, ${externals.length} were given`);
    externals.forEach((allocation, k) => {
      if (blockOf(allocation).bytes < needed[k])
        throw new RangeError(`wasm: external buffer ${k} needs ${needed[k]} bytes, got ${allocation.bytes}`);
    });
  }

  /** The memory that each buffer of the plan lies in. */
  #memoriesOf(externals: readonly Allocation[], pages: readonly PlacedBlock[]): number[] {
    return this.#plan.buffers.map(({ place }, buffer) => {
      const { memory } =
        place.kind === 'external' ? blockOf(externals[place.index]) : pages[this.#temporaries.places[buffer].page];
      return memory;
    });
  }

  /** Writes the addresses of all buffers. This happens at every run, so it makes no objects. */
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
      const { address } = external[k] < 0 ? pages[page[k]] : blockOf(externals[external[k]]);
      words[k] = address + offset[k];
    }
    return { program, table, scratch, scratchBytes };
  }
}

/** Where the address in each word of a plan's table comes from. */
interface TableWords {
  /** Number of the external buffer; -1: a temporary. */
  readonly external: Int32Array;
  /** Of a temporary. */
  readonly page: Int32Array;
  /** From the start of the page, in bytes. */
  readonly offset: Float64Array;
}

function tableWords({ buffers }: Plan, table: readonly number[], { places }: PagedTemporaries): TableWords {
  const external = table.map((buffer) => {
    const { place } = buffers[buffer];
    return place.kind === 'external' ? place.index : -1;
  });
  return {
    external: Int32Array.from(external),
    page: Int32Array.from(table, (buffer) => places[buffer].page),
    offset: Float64Array.from(table, (buffer) => places[buffer].byteOffset),
  };
}
