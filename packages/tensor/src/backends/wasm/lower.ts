/** Lowers a plan to a module: one function for each distinct kernel, and `run`, which calls them in order. */

import { localKernel } from '../../codegen/kernel-key.ts';
import type { GeneratedCode } from '../../kernel/backend.ts';
import type { DType } from '../../kernel/dtype.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { nth } from '../../kernel/nth.ts';
import type { Plan } from '../../kernel/plan.ts';
import type { Features, Target } from './emit/features.ts';
import { ModuleBuilder } from './emit/module-builder.ts';
import { functionTexts } from './emit/text.ts';
import { lowerLoop } from './loops/loop.ts';
import type { LoweredKernel } from './loops/program.ts';
import { lowerScatterAdd } from './loops/scatter.ts';
import { maximumPages, memoryName } from './memory/memory.ts';
import { lowerContract } from './products/gemm.ts';
import { emitBarrier } from './threads/barrier.ts';
import { control } from './threads/control.ts';
import { bytesMoved, nanosecondsOf, operationsOf } from './work.ts';

/** One call of a kernel in a plan. */
interface KernelCall {
  readonly name: string;
  /** The name of the exported function that runs it: `(args, thread, threads, scratch)`. */
  readonly exportName: string;
  /** Where its buffers' addresses start in the table, in bytes. */
  readonly tableOffset: number;
  readonly operations: number;
  readonly bytes: number;
}

/** A description of a plan's code. */
export interface PlanCode {
  /** For each word of the table: the buffer of the plan whose address it contains. */
  readonly table: readonly number[];
  /** The scratch memory of each thread, in bytes. */
  readonly scratchBytes: number;
  readonly calls: readonly KernelCall[];
  readonly slow: readonly { readonly kernel: string; readonly reason: string }[];
  /** A rough estimate of the time of a run on one thread. */
  readonly nanoseconds: number;
}

function lowerKernel(
  module: ModuleBuilder,
  kernel: Kernel,
  dtypes: readonly DType[],
  target: Target,
  threads: number,
): LoweredKernel {
  switch (kernel.kind) {
    case 'loop':
      return lowerLoop(module, kernel, dtypes, target);
    case 'contract':
      return lowerContract(module, kernel, dtypes, target, threads);
    case 'scatterAdd':
      return lowerScatterAdd(module, kernel, dtypes, target);
    default:
      return kernel satisfies never;
  }
}

/**
 * The module exports `run(table, thread, threads, scratch)`: `table` points to the addresses of the kernels' buffers, `scratch` to
 * this thread's scratch memory. All threads call it; it returns when this thread has finished its share of all kernels.
 *
 * `memories[b]` is the memory that contains buffer b; the default is the first. Table and scratch are in the first. With `marks` the module
 * calls the import `mark` with 2c before call c and with 2c + 1 after it.
 */
export function lowerPlan(
  plan: Plan,
  machine: Machine,
  options?: LowerOptions,
): PlanCode & { readonly bytes: Uint8Array<ArrayBuffer> } {
  const { module, ...code } = emitPlan(plan, machine, options);
  return { bytes: module.build(), ...code };
}

/** The same code as text, a piece for each function. */
export const planToText = (plan: Plan, machine: Machine): GeneratedCode[] =>
  functionTexts(emitPlan(plan, machine).module).map((piece) => ({ ...piece, language: 'WebAssembly' }));

/** What code is made for. */
interface Machine {
  readonly features: Features;
  readonly threads: number;
}

interface LowerOptions {
  readonly memories?: readonly number[];
  readonly marks?: boolean;
}

function emitPlan(
  plan: Plan,
  { features, threads }: Machine,
  { memories = [], marks = false }: LowerOptions = {},
): PlanCode & { readonly module: ModuleBuilder } {
  const module = new ModuleBuilder('plan');
  for (let memory = 0; memory <= Math.max(0, ...memories); memory++)
    module.importMemory('env', memoryName(memory), 1, maximumPages);
  const mark = marks ? module.importFunction('env', 'mark', ['i32']) : null;
  const emitMark = (number: number): void => {
    if (mark !== null) run.i32(number).call(mark);
  };
  const barrier = emitBarrier(module);
  const run = module.function('run', ['i32', 'i32', 'i32', 'i32']);
  module.exportFunction('run', run);
  const [tableAt, thread, threadCount, scratch] = run.params;
  const current = run.local('i32');
  run.get(thread).times(control.perThreadBytes).set(current);

  const known = new Map<string, { lowered: LoweredKernel; exportName: string }>();
  const table: number[] = [];
  const calls: KernelCall[] = [];
  const slow: { kernel: string; reason: string }[] = [];
  let scratchBytes = 0;
  let nanoseconds = 0;
  for (const [s, stage] of plan.stages.entries()) {
    if (s > 0)
      run
        .get(threadCount)
        .call(barrier)
        .if(() => run.return());
    for (const original of stage) {
      const { kernel, buffers, dtypes, key: kernelKey } = localKernel(original, plan);
      const target = { ...features, memories: buffers.map((buffer) => memories[buffer] ?? 0) };
      const key = `${kernelKey} ${target.memories}`;
      let entry = known.get(key);
      if (entry === undefined) {
        entry = { lowered: lowerKernel(module, kernel, dtypes, target, threads), exportName: `kernel${known.size}` };
        module.exportFunction(entry.exportName, entry.lowered.function);
        known.set(key, entry);
      }
      const { lowered, exportName } = entry;
      if (lowered.slow !== null) slow.push({ kernel: original.name, reason: lowered.slow });
      scratchBytes = Math.max(scratchBytes, lowered.scratchBytes);
      const tableOffset = table.length * 4;
      table.push(...buffers);
      run.get(current).i32(calls.length).mem('i32.store', control.perThread);
      emitMark(2 * calls.length);
      run.get(tableAt).i32(tableOffset).op('i32.add').get(thread).get(threadCount).get(scratch).call(lowered.function);
      emitMark(2 * calls.length + 1);
      const lengths = buffers.map((buffer) => nth(plan.buffers, buffer).length);
      const bytes = bytesMoved(kernel, dtypes, lengths);
      calls.push({ name: original.name, exportName, tableOffset, operations: operationsOf(kernel), bytes });
      nanoseconds += nanosecondsOf(kernel, bytes);
    }
  }
  return { module, table, scratchBytes, calls, slow, nanoseconds };
}
