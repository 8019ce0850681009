import type { Storage } from '../graph/storage.ts';
import type { DType } from '../kernel/dtype.ts';
import type { Kernel } from '../kernel/kernel.ts';

/** What a buffer of a schedule stands for. */
export type BufferRole =
  | { readonly kind: 'temporary' }
  | { readonly kind: 'storage'; readonly storage: Storage }
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'root'; readonly index: number };

export interface ScheduledBuffer {
  readonly dtype: DType;
  /** In elements. */
  readonly length: number;
  readonly role: BufferRole;
}

export interface Schedule {
  readonly kernels: readonly Kernel[];
  readonly buffers: readonly ScheduledBuffer[];
}
