/** Properties of graphs, for tests. */

import type { Tensor } from '@tessera/tensor';
import { type Op, topologicalOrder } from '@tessera/tensor/graph';

/** The number of nodes of an operation in the graph of some tensors. */
export const countNodes = (tensors: readonly Tensor[], op: Op, kind?: string): number =>
  topologicalOrder(tensors.map((tensor) => tensor.node)).filter(
    (node) => node.op === op && (kind === undefined || (node.arg as { kind?: string }).kind === kind),
  ).length;

/** The graph as text, nodes numbered in topological order: equal for equal programs. */
export function describeGraph(tensors: readonly Tensor[]): string {
  const numbers = new Map<object, number>();
  return topologicalOrder(tensors.map((tensor) => tensor.node))
    .map((node) => {
      numbers.set(node, numbers.size);
      const argument = node.op === 'buffer' || node.op === 'custom' ? '' : JSON.stringify(node.arg);
      return `${node.op} ${argument} [${node.shape}] <- ${node.sources.map((source) => numbers.get(source))}`;
    })
    .join('\n');
}
