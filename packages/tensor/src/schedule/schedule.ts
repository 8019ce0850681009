/**
 * From a graph to kernels, in stages, each of which is a file:
 *
 *     canonicalize   merges equal nodes and lowers large operations
 *     units          the nodes that compute, and the views that they read through
 *     group          which units share a kernel
 *     storing        which values are computed again instead of stored
 *     demand         which values must be stored, and the order of kernels
 *     emit           kernels, and the layout of each stored value
 */
import type { CanonicalGraph } from './canonicalize.ts';
import { findDemand } from './demand.ts';
import { emitKernels } from './emit.ts';
import { Groups } from './group.ts';
import type { Schedule } from './scheduled.ts';
import { chooseInlined } from './storing.ts';
import { buildUnits } from './units.ts';

/** The kernels that compute every root into a row-major buffer of its own (`role` root, numbered like the roots). */
export function schedule({ roots, order }: CanonicalGraph): Schedule {
  const graph = buildUnits(roots);
  const groups = new Groups(graph);
  const inlined = chooseInlined(graph, groups);
  return emitKernels(graph, inlined, findDemand(graph, groups, inlined, order));
}
