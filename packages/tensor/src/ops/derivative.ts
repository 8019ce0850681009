/** Functions of one tensor whose derivative has a better form than the one that follows from their operations. */
import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { nth } from '../kernel/nth.ts';
import { mul } from './elementwise.ts';

/** `value`, computed from `x`, with its slope dy/dx as a function of x and y. */
export const withSlope = (name: string, x: Node, value: Node, slope: (x: Node, y: Node) => Node): Node =>
  graph.custom(value, [x], {
    name,
    backward: (gradient, inputs, y) => [mul(gradient, slope(nth(inputs, 0), y))],
  });

/** `value`, computed from `a` and `b`, with its slopes along both. */
export const withSlopes = (
  name: string,
  [a, b]: readonly [Node, Node],
  value: Node,
  slopes: (a: Node, b: Node, y: Node) => readonly [Node, Node],
): Node =>
  graph.custom(value, [a, b], {
    name,
    backward: (gradient, inputs, y) => slopes(nth(inputs, 0), nth(inputs, 1), y).map((slope) => mul(gradient, slope)),
  });
