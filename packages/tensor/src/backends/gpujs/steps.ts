/** A plan as gpu.js runs it: functions that compute one output each, from values that are never overwritten. */
import type { DType } from '../../kernel/dtype.ts';
import type { Kernel } from '../../kernel/kernel.ts';

/** The number of a value. */
export type Slot = number;

/** A value: an array of numbers, of which integers take two planes, the low half-words and the high ones. */
export interface SlotInfo {
  readonly dtype: DType;
  readonly length: number;
  /** Cells of one plane, which may be more than elements. */
  readonly planeSize: number;
}

/** One function, called once a cell. */
export interface CellKernel {
  readonly name: string;
  /** JavaScript that gpu.js accepts; its arguments are `a0`, `a1`, ..., and `special` if it uses it. */
  readonly source: string;
  /** gpu.js's `output`: threads along x, y and z. */
  readonly output: readonly number[];
  readonly usesSpecial: boolean;
  /** The largest number of turns of a loop without a constant bound. */
  readonly loopTurns: number;
}

export type Step =
  | { readonly kind: 'cells'; readonly kernel: CellKernel; readonly inputs: readonly Slot[]; readonly output: Slot }
  /** What gpu.js cannot express: run by the host. The pairs are buffers of the plan and where their values lie. */
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
