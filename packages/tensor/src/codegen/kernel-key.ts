/** Equal kernels are generated once: they are compared by all that they are made of, buffers numbered within the kernel. */

import type { DType } from '../kernel/dtype.ts';
import { type Access, accessesOf, type Kernel, type Program } from '../kernel/kernel.ts';
import { nth } from '../kernel/nth.ts';
import type { Plan } from '../kernel/plan.ts';

/** The kernel with other buffer numbers. */
function renumber(kernel: Kernel, number: (buffer: number) => number): Kernel {
  const access = ({ buffer, view }: Access): Access => ({ buffer: number(buffer), view });
  const program = ({ instructions, stores }: Program): Program => ({
    instructions: instructions.map((instruction) =>
      instruction.op === 'load' || instruction.op === 'gather'
        ? { ...instruction, access: access(instruction.access) }
        : instruction,
    ),
    stores: stores.map((store) => ({ ...store, access: access(store.access) })),
  });
  switch (kernel.kind) {
    case 'loop':
      return { ...kernel, program: program(kernel.program) };
    case 'contract':
      return { ...kernel, a: access(kernel.a), b: access(kernel.b), epilogue: program(kernel.epilogue) };
    case 'scatterAdd':
      return { ...kernel, values: access(kernel.values), index: access(kernel.index), out: number(kernel.out) };
    default:
      return kernel satisfies never;
  }
}

export interface LocalKernel {
  readonly kernel: Kernel;
  /** The plan's number of each of the kernel's buffers. */
  readonly buffers: readonly number[];
  readonly dtypes: readonly DType[];
  /** Equal for kernels that the same code can run. Names do not count. */
  readonly key: string;
}

/** Constants that JSON does not tell apart (-0 from 0, infinities and NaN from each other), with their places. */
function exactConstants(kernel: Kernel): string[] {
  if (kernel.kind === 'scatterAdd') return [];
  const { instructions } = kernel.kind === 'loop' ? kernel.program : kernel.epilogue;
  return instructions.flatMap((instruction, k) =>
    instruction.op === 'const' && (!Number.isFinite(instruction.value) || Object.is(instruction.value, -0))
      ? [`${k}: ${Object.is(instruction.value, -0) ? '-0' : instruction.value}`]
      : [],
  );
}

/**
 * The kernel with its buffers numbered from 0, in the order in which it mentions them. Buffers with the same `canonical` number, the same
 * memory that is, count as one.
 */
export function localKernel(
  kernel: Kernel,
  plan: Plan,
  canonical: (buffer: number) => number = (buffer) => buffer,
): LocalKernel {
  const { reads, writes } = accessesOf(kernel);
  const buffers = [...new Set([...reads, ...writes].map(({ buffer }) => canonical(buffer)))];
  const numbers = new Map(buffers.map((buffer, local) => [buffer, local]));
  const local = renumber(kernel, (buffer) => numbers.get(canonical(buffer)) as number);
  const dtypes = buffers.map((buffer) => nth(plan.buffers, buffer).dtype);
  return {
    kernel: local,
    buffers,
    dtypes,
    key: JSON.stringify([{ ...local, name: '' }, dtypes, exactConstants(kernel)]),
  };
}

/** All that generated code depends on in a plan: two plans with equal keys can share it. Names count, for profiles show them. */
export function planKey(plan: Plan): string {
  const constants = plan.stages.map((stage) => stage.map(exactConstants));
  return JSON.stringify([plan.stages, plan.buffers.map(({ dtype }) => dtype), constants]);
}
