/** The compiled code of a plan: one program for each assignment of its buffers to memories. */
import type { GeneratedCode } from '../../kernel/backend.ts';
import type { Plan } from '../../kernel/plan.ts';
import type { Features } from './emit/features.ts';
import { lowerPlan, type PlanCode, planToText } from './lower.ts';
import type { Memories, PlacedBlock } from './memory/memories.ts';
import { compileOptimized } from './threads/engine.ts';
import type { Platform } from './threads/platform.ts';
import type { Pool, PooledProgram } from './threads/pool.ts';
import { type Marks, markBytes } from './threads/share.ts';

/** A plan's code for buffers in certain memories. */
export interface PlacedProgram {
  readonly program: PooledProgram;
  /** The scratch memory of each thread in bytes. It includes copies of operands that are not in the first memory. */
  readonly scratchBytes: number;
}

/** A program that records when each thread starts and ends each kernel. */
export interface MarkedProgram extends PlacedProgram {
  /** The layout of the recorded times. */
  readonly recorded: Marks;
  /** The block that contains them. */
  readonly block: PlacedBlock;
}

/** What the code is compiled for, and where it is stored. */
export interface CodeHost {
  readonly platform: Platform;
  readonly features: Features;
  readonly threads: number;
  readonly memories: Memories;
  readonly pool: Pool;
}

/**
 * Code is optimized at once if a run takes at least this many nanoseconds for each byte of code. Optimizing takes about a microsecond for
 * each byte; without it, code is about ten times slower until V8 has optimized it in the background.
 */
const worthOptimizing = 100;

let programs = 0;

/** The code of one plan, which the executables of equal plans share. */
export class CompiledPlan {
  readonly lowered: PlanCode;
  readonly #plan: Plan;
  readonly #host: CodeHost;
  /** The program for buffers that are all in the first memory; null if it does not exist yet. */
  #inFirst: PlacedProgram | null = null;
  /** The other programs, by the memories of the buffers. */
  readonly #programs = new Map<string, PlacedProgram>();
  /** The time that V8 took to compile the first program, in milliseconds. */
  readonly engineMs: number;
  /** The number of executables that use it. */
  users = 0;
  /** Whether it is still in the cache for later plans. */
  cached = true;

  constructor(plan: Plan, host: CodeHost) {
    this.#plan = plan;
    this.#host = host;
    const { bytes, ...lowered } = lowerPlan(plan, host);
    this.lowered = lowered;
    const start = performance.now();
    // While there is only one memory, this is the code that will run.
    if (host.memories.count === 1)
      this.#inFirst = { program: this.#build(bytes, []), scratchBytes: lowered.scratchBytes };
    this.engineMs = performance.now() - start;
  }

  /** The program for buffers in these memories, by the buffers' numbers in the plan; null if all are in the first. */
  placed(memories: readonly number[] | null): PlacedProgram {
    if (memories?.some((memory) => memory > 0)) {
      const key = memories.join();
      const placed = this.#programs.get(key) ?? this.#place(memories);
      this.#programs.set(key, placed);
      return placed;
    }
    this.#inFirst ??= this.#place([]);
    return this.#inFirst;
  }

  #place(memories: readonly number[]): PlacedProgram {
    const { bytes, scratchBytes } = lowerPlan(this.#plan, this.#host, { memories });
    return { program: this.#build(bytes, memories), scratchBytes };
  }

  /** A new program with marks, which the caller must drop. */
  marked(memories: readonly number[]): MarkedProgram {
    const { bytes, scratchBytes } = lowerPlan(this.#plan, this.#host, { memories, marks: true });
    const count = 2 * this.lowered.calls.length;
    const block = this.#host.memories.allocateInFirst(this.#host.threads * count * markBytes);
    const recorded = { address: block.address, count };
    return { program: this.#build(bytes, memories, recorded), scratchBytes, recorded, block };
  }

  /** The code as text, for buffers that are all in the first memory. */
  text(): GeneratedCode[] {
    return planToText(this.#plan, this.#host);
  }

  /** Drops a marked program and frees its block. */
  dropMarked({ program, block }: MarkedProgram): void {
    this.#host.pool.drop(program);
    this.#host.memories.free(block);
  }

  /** Drops the code from all threads. */
  drop(): void {
    for (const placed of [this.#inFirst, ...this.#programs.values()])
      if (placed !== null) this.#host.pool.drop(placed.program);
  }

  #build(
    bytes: Uint8Array<ArrayBuffer>,
    memories: readonly number[],
    marks: PooledProgram['marks'] = null,
  ): PooledProgram {
    const module =
      this.lowered.nanoseconds > worthOptimizing * bytes.length
        ? compileOptimized(this.#host.platform, bytes)
        : new WebAssembly.Module(bytes);
    const others = Array.from({ length: Math.max(0, ...memories) }, (_, k) => this.#host.memories.at(k + 1));
    return { id: programs++, module, memories: others, marks, instance: null };
  }
}
