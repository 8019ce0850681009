/** Schedules as text, for people: the buffers, and each kernel with the nodes that were fused into it. */

import { formatOperation, nameOfStorage } from '../graph/format-graph.ts';
import type { Node } from '../graph/node.ts';
import { formatKernel } from '../kernel/kernel.ts';
import type { BufferRole, Schedule } from './scheduled.ts';

/** What a buffer is to the program. `uses[k]` says what happens with root k. */
export function formatRole(role: BufferRole, uses: readonly string[]): string {
  switch (role.kind) {
    case 'temporary':
      return 'temporary';
    case 'storage':
      return nameOfStorage(role.storage) ?? 'stored';
    case 'input':
      return `input ${role.index}`;
    case 'root':
      return uses[role.index] ?? `root ${role.index}`;
    default:
      return role satisfies never;
  }
}

/** The nodes by the names of the canonical graph, and the scopes that they come from. */
function formatFused(nodes: readonly Node[], names: ReadonlyMap<Node, string>): string {
  if (nodes.length === 0) return '';
  const scopes = [...new Set(nodes.map(({ scope }) => scope))].filter((scope) => scope !== '');
  const listed = nodes.map((node) => `${names.get(node) ?? '-'} ${formatOperation(node)}`).join('; ');
  return ` fuses ${listed}${scopes.length === 0 ? '' : `    # ${scopes.join(', ')}`}`;
}

export function formatSchedule(
  { buffers, kernels, fused }: Schedule,
  names: ReadonlyMap<Node, string>,
  uses: readonly string[],
): string {
  const bufferLines = buffers.map(
    ({ dtype, length, role }, buffer) => `b${buffer}: ${dtype} x ${length}, ${formatRole(role, uses)}`,
  );
  const kernelTexts = kernels.map(
    (kernel, k) => `k${k}${formatFused(fused[k] ?? [], names)}\n${formatKernel(kernel).replace(/^/gm, '  ')}`,
  );
  return [...bufferLines, ...kernelTexts].join('\n');
}
