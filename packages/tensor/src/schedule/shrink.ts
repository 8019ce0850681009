/**
 * A part of a contraction's result is the contraction of parts of its operands, so what is cut off does not have to be computed. An
 * example is the input gradient of a padded convolution, without the gradient of the border that the padding added.
 */

import * as graph from '../graph/graph.ts';
import type { Node, NodeOf, Op } from '../graph/node.ts';
import { nth } from '../kernel/nth.ts';
import { axisMap } from './units.ts';

/** Half-open ranges, one for each axis. */
interface Range {
  readonly start: readonly number[];
  readonly end: readonly number[];
}

const sizesOf = ({ start, end }: Range): number[] => end.map((to, axis) => to - nth(start, axis));

/** The part `range` of `node`, with the contraction below its views computed for that range only; null if there is no contraction. */
function partOf(node: Node, range: Range): Node | null {
  const [source] = node.sources as readonly [Node, ...Node[]];
  switch (node.op) {
    case 'contract':
      return contractPart(node, range);
    case 'shrink': {
      const { start } = node.arg;
      const shift = (places: readonly number[]): number[] => places.map((at, axis) => at + nth(start, axis));
      return partOf(source, { start: shift(range.start), end: shift(range.end) });
    }
    case 'permute': {
      const { axes } = node.arg;
      const before = (places: readonly number[]): number[] => axes.map((_, axis) => nth(places, axes.indexOf(axis)));
      const part = partOf(source, { start: before(range.start), end: before(range.end) });
      return part && graph.permute(part, axes);
    }
    case 'reshape': {
      const axes = axisMap(source.shape, [node]);
      if (axes === null || sizesOf(range).includes(0)) return null;
      const start = axes.map((axis) => (axis < 0 ? 0 : nth(range.start, axis)));
      const end = axes.map((axis) => (axis < 0 ? 1 : nth(range.end, axis)));
      const part = partOf(source, { start, end });
      return part && graph.reshape(part, sizesOf(range));
    }
    default:
      return null;
  }
}

function contractPart(node: NodeOf<'contract'>, range: Range): Node {
  const { a, b, out } = node.arg;
  const operandPart = (operand: Node, labels: readonly number[]): Node => {
    const place = (places: readonly number[], otherwise: (axis: number) => number): number[] =>
      labels.map((label, axis) => (out.includes(label) ? nth(places, out.indexOf(label)) : otherwise(axis)));
    return graph.shrink(
      operand,
      place(range.start, () => 0),
      place(range.end, (axis) => nth(operand.shape, axis)),
    );
  };
  const [left, right] = node.sources as readonly [Node, Node];
  return graph.contract(operandPart(left, a), operandPart(right, b), node.arg);
}

/** What may be between a shrink and its contraction: views, and operations that are not part of the canonical graph. */
const passesThrough: ReadonlySet<string> = new Set<Op>(['permute', 'reshape', 'shrink', 'detach', 'custom']);

/**
 * The shrink `node` of the canonical `source`, computing only what is kept. Null if there is no contraction below `source`, or something
 * else uses it too: `uses` counts the uses of each node.
 */
export function shrinkContraction(node: NodeOf<'shrink'>, source: Node, uses: ReadonlyMap<Node, number>): Node | null {
  const { start, end } = node.arg;
  for (let under = nth(node.sources, 0); ; under = nth(under.sources, 0)) {
    if (uses.get(under) !== 1) return null;
    // A stored value may have forgotten its sources.
    if (!passesThrough.has(under.op) || under.sources.length === 0) break;
  }
  return partOf(source, { start, end });
}
