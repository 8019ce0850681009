import type { DType } from './dtype.ts';
import type { Kernel } from './kernel.ts';

/** Where a buffer of a plan lives: in memory that the caller brings, or at a place in the plan's own arena. */
export type Place =
  | { readonly kind: 'external'; readonly index: number }
  | { readonly kind: 'arena'; readonly byteOffset: number };

export interface PlannedBuffer {
  readonly dtype: DType;
  /** In elements. */
  readonly length: number;
  readonly place: Place;
}

/**
 * Kernels in the order in which they run, and where each buffer lives. Kernels of one stage neither read nor overwrite what another
 * of that stage writes: a backend needs to wait only between stages.
 */
export interface Plan {
  readonly buffers: readonly PlannedBuffer[];
  readonly stages: readonly (readonly Kernel[])[];
  readonly arenaBytes: number;
  readonly externalCount: number;
}
