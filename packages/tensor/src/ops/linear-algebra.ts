/** Products of matrices and vectors. */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { nth } from '../kernel/nth.ts';
import { broadcastShapes, formatShape, type Shape } from '../kernel/shape.ts';
import { contract, productPair } from './contract.ts';
import { mul } from './elementwise.ts';

/**
 * The matrix product by PyTorch's rules: [..., m, k] x [..., k, n] -> [..., m, n], where leading axes broadcast. A vector [k] counts as
 * [1, k] on the left and as [k, 1] on the right, and that axis is dropped from the result. Products of integers are integers.
 *
 * A leading axis of size 1, or missing, in one operand is a free axis of the other: nothing is repeated, and `x.matmul(weight)`
 * with a batched `x` is one product with all rows of all batches.
 */
export function matmul(left: Node, right: Node): Node {
  const problem = (what: string): never => {
    throw new RangeError(`matmul: ${formatShape(left.shape)} x ${formatShape(right.shape)}: ${what}`);
  };
  if (left.shape.length === 0 || right.shape.length === 0) problem('a scalar has no axis to sum over; use mul');
  const [a, b] = productPair('matmul', left, right);
  const aShape = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
  const bShape = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
  const inner = aShape.at(-1);
  if (inner !== bShape.at(-2)) problem(`inner sizes ${inner} and ${bShape.at(-2)} differ`);
  const aBatch = aShape.slice(0, -2);
  const bBatch = bShape.slice(0, -2);
  let batch: number[] = [];
  try {
    batch = broadcastShapes(aBatch, bBatch, 'matmul');
  } catch {
    problem(`leading sizes ${formatShape(aBatch)} and ${formatShape(bBatch)} do not broadcast`);
  }
  const rank = batch.length;
  // Labels: 0 .. rank - 1 for the leading axes, then m, n, k.
  const [m, n, k] = [rank, rank + 1, rank + 2];
  const spec = { a: [] as number[], b: [] as number[], out: Array.from({ length: rank + 2 }, (_, label) => label) };
  const aSizes: number[] = [];
  const bSizes: number[] = [];
  const place = (operand: Shape, other: Shape, labels: number[], sizes: number[]): void => {
    for (let label = rank - operand.length; label < rank; label++) {
      const size = nth(operand, label - rank + operand.length);
      const otherSize = other[label - rank + other.length];
      if (size === 1 && otherSize !== undefined && (otherSize !== 1 || labels === spec.b)) continue;
      labels.push(label);
      sizes.push(size);
    }
  };
  place(aBatch, bBatch, spec.a, aSizes);
  place(bBatch, aBatch, spec.b, bSizes);
  spec.a.push(m, k);
  spec.b.push(k, n);
  const product = contract(
    graph.reshape(a, [...aSizes, ...aShape.slice(-2)]),
    graph.reshape(b, [...bSizes, ...bShape.slice(-2)]),
    spec,
  );
  const shape = [...batch];
  if (left.shape.length > 1) shape.push(...aShape.slice(-2, -1));
  if (right.shape.length > 1) shape.push(...bShape.slice(-1));
  return graph.reshape(product, shape);
}

/** [..] x [..] -> [.., ..]: the product of every element of `a` with every element of `b`. */
export function outer(a: Node, b: Node): Node {
  const column = graph.reshape(a, [...a.shape, ...b.shape.map(() => 1)]);
  return mul(column, graph.reshape(b, [...a.shape.map(() => 1), ...b.shape]));
}
