/** The code of a plan: one program for each way in which its buffers lie in the memories. */
import type { GeneratedCode } from '../../kernel/backend.ts';
import type { Plan } from '../../kernel/plan.ts';
import type { Features } from './emit/features.ts';
import { lowerPlan, type PlanCode, planToText } from './lower.ts';
import type { Memories, PlacedBlock } from './memory/memories.ts';
import { compileOptimized } from './threads/engine.ts';
import type { Platform } from './threads/platform.ts';
import type { Pool, PooledProgram } from './threads/pool.ts';
import { markBytes } from './threads/share.ts';

/** A plan's code for buffers in certain memories. */
export interface PlacedProgram {
  readonly program: PooledProgram;
  /** For each thread: operands that are not in the first memory are copied there. */
  readonly scratchBytes: number;
}

/** A program that writes down when each thread began and ended each kernel, and the block that it writes to. */
export interface MarkedProgram extends PlacedProgram {
  readonly marks: PlacedBlock;
}

/** What code is made for, and where it is kept. */
export interface CodeHost {
  readonly platform: Platform;
  readonly features: Features;
  readonly threads: number;
  readonly memories: Memories;
  readonly pool: Pool;
}

/**
 * Optimising takes about a microsecond for each byte of code; without, code is some ten times slower until V8 has optimised it in
 * the background. So optimise at once from this many nanoseconds of a run for each byte.
 */
const worthOptimizing = 100;

let programs = 0;

/** Shared by the executables of equal plans. */
export class CompiledPlan {
  readonly lowered: PlanCode;
  readonly #plan: Plan;
  readonly #host: CodeHost;
  /** For buffers that all lie in the first memory; null: not made yet. */
  #inFirst: PlacedProgram | null = null;
  /** For others, by the memories in which the buffers lie. */
  readonly #programs = new Map<string, PlacedProgram>();
  /** What V8 took to compile the first program, in milliseconds. */
  readonly engineMs: number;
  /** Executables that use it. */
  users = 0;
  /** Whether it is kept for plans to come. */
  cached = true;

  constructor(plan: Plan, host: CodeHost) {
    this.#plan = plan;
    this.#host = host;
    const { bytes, ...lowered } = lowerPlan(plan, host);
    this.lowered = lowered;
    const start = performance.now();
    // While there is one memory, this is the code that will run.
    if (host.memories.count === 1)
      this.#inFirst = { program: this.#build(bytes, []), scratchBytes: lowered.scratchBytes };
    this.engineMs = performance.now() - start;
  }

  /** The code for buffers that lie in these memories, by their number in the plan; null: all lie in the first. */
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

  /** The same with marks, made for the caller, who drops it. */
  marked(memories: readonly number[]): MarkedProgram {
    const { bytes, scratchBytes } = lowerPlan(this.#plan, this.#host, { memories, marks: true });
    const count = 2 * this.lowered.calls.length;
    const marks = this.#host.memories.allocateInFirst(this.#host.threads * count * markBytes);
    return { program: this.#build(bytes, memories, { address: marks.address, count }), scratchBytes, marks };
  }

  /** For buffers that all lie in the first memory. */
  text(): GeneratedCode[] {
    return planToText(this.#plan, this.#host);
  }

  /** Gives the marked program and its block back. */
  dropMarked({ program, marks }: MarkedProgram): void {
    this.#host.pool.drop(program);
    this.#host.memories.free(marks);
  }

  /** Lets the threads forget the code. */
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
