/** What scheduling results in: kernels in order, and the buffers that they read and write. */
import type { Node } from '../graph/node.ts';
import type { Storage } from '../graph/storage.ts';
import type { DType } from '../kernel/dtype.ts';
import type { ScheduledKernel } from '../kernel/kernel.ts';

/** What the content of a buffer is. */
export type BufferRole =
  | { readonly kind: 'temporary' }
  | { readonly kind: 'storage'; readonly storage: Storage }
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'root'; readonly index: number };

/** A buffer that kernels read or write. */
export interface ScheduledBuffer {
  readonly dtype: DType;
  /** In elements. */
  readonly length: number;
  readonly role: BufferRole;
}

/** Kernels in the order in which they run, and their buffers. */
export interface Schedule {
  readonly kernels: readonly ScheduledKernel[];
  /** For each kernel, the nodes that it was made from; none for a copy. */
  readonly fused: readonly (readonly Node[])[];
  readonly buffers: readonly ScheduledBuffer[];
}
