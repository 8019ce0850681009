/** The form of a plan that gpu.js runs: steps that compute one output each, from values that are never overwritten. */
import type { DType } from '../../kernel/dtype.ts';
import type { Kernel } from '../../kernel/kernel.ts';

/** Identifies a value. */
export type Slot = number;

/** A value: an array of floats. Integers use two planes, first all low half-words, then all high ones. */
export interface SlotInfo {
  readonly dtype: DType;
  readonly length: number;
  /** The number of cells of one plane, which may be larger than `length`. */
  readonly planeSize: number;
}

/** One function, which gpu.js calls once a cell. */
export interface CellKernel {
  readonly name: string;
  /** JavaScript that gpu.js accepts; its parameters are `a0`, `a1`, ..., and `special` if it uses that. */
  readonly source: string;
  /** gpu.js's `output`: the number of threads along x, y and z. */
  readonly output: readonly number[];
  readonly usesSpecial: boolean;
  /** The largest number of iterations of a loop without a constant bound. */
  readonly loopTurns: number;
}

export type Step =
  | { readonly kind: 'cells'; readonly kernel: CellKernel; readonly inputs: readonly Slot[]; readonly output: Slot }
  /** A kernel that gpu.js cannot express, run on the host. The pairs are buffers of the plan and the slots of their values. */
  | {
      readonly kind: 'host';
      readonly kernel: Kernel;
      readonly reads: readonly (readonly [buffer: number, slot: Slot])[];
      readonly writes: readonly (readonly [buffer: number, slot: Slot])[];
    };

export interface SlowKernel {
  readonly kernel: string;
  readonly reason: string;
}

export interface LoweredPlan {
  readonly slots: readonly SlotInfo[];
  readonly steps: readonly Step[];
  /** Slots that start as the memory of an external buffer. */
  readonly initial: readonly { readonly slot: Slot; readonly external: number }[];
  /** Slots that end up in the memory of an external buffer. */
  readonly final: readonly { readonly slot: Slot; readonly external: number }[];
  readonly slowKernels: readonly SlowKernel[];
}
