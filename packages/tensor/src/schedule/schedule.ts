/**
 * From graph to kernels. The stages, each a file:
 *
 *     canonicalize   the graph with equal nodes merged and large operations lowered
 *     units          what computes, and through which views it reads
 *     group          which units share a kernel
 *     storing        which values are computed again instead of stored
 *     demand         which values must lie in memory, and the order of kernels
 *     emit           kernels, and the layout of each stored value
 */
import type { DType } from '../dtype.ts';
import type { Kernel } from '../kernel.ts';
import type { Storage } from '../storage.ts';
import type { CanonicalGraph } from './canonicalize.ts';
import { findDemand } from './demand.ts';
import { emitKernels } from './emit.ts';
import { Groups } from './group.ts';
import { chooseInlined } from './storing.ts';
import { buildUnits } from './units.ts';

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

/** Kernels that compute every root into a row-major buffer of its own (`role` root, numbered like the roots). */
export function schedule({ roots, order }: CanonicalGraph): Schedule {
  const graph = buildUnits(roots);
  const groups = new Groups(graph);
  const inlined = chooseInlined(graph, groups);
  return emitKernels(graph, inlined, findDemand(graph, groups, inlined, order));
}
