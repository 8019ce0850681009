/** Sums of products in index notation, for all dtypes. */

import * as graph from '../graph/graph.ts';
import type { ContractSpec, Node } from '../graph/node.ts';
import { isFloat, promote } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { formatShape } from '../kernel/shape.ts';
import { productOperands } from './autocast.ts';

/** The operands of a product in one dtype: two of integers, or two of floating-point numbers, in the precision of `autocast`. */
export function productPair(op: string, a: Node, b: Node): [Node, Node] {
  if (isFloat(a.dtype) !== isFloat(b.dtype))
    throw new RangeError(
      `${op}: needs floating-point tensors, or integers only, got ${a.dtype} ${formatShape(a.shape)} and ${b.dtype} ${formatShape(b.shape)}; cast first`,
    );
  const dtype = promote(a.dtype, b.dtype);
  if (!isFloat(dtype)) return [graph.cast(a, dtype), graph.cast(b, dtype)];
  return productOperands(a, b) ?? [graph.cast(a, dtype), graph.cast(b, dtype)];
}

/** A contraction of two operands of one dtype. Those of integers are multiplied and summed, in i32; the result has their dtype. */
export function contract(a: Node, b: Node, spec: ContractSpec): Node {
  if (isFloat(a.dtype)) return graph.contract(a, b, spec);
  const labels = [...new Set([...spec.a, ...spec.b])];
  const sizes = new Map<number, number>();
  for (const [node, own] of [
    [a, spec.a],
    [b, spec.b],
  ] as const)
    own.forEach((label, axis) => {
      sizes.set(label, nth(node.shape, axis));
    });
  const size = (label: number): number => sizes.get(label) ?? 1;
  const shape = labels.map(size);
  const aligned = (node: Node, own: readonly number[]): Node => {
    const order = labels.filter((label) => own.includes(label)).map((label) => own.indexOf(label));
    const ones = labels.map((label) => (own.includes(label) ? size(label) : 1));
    return graph.expand(graph.reshape(graph.permute(graph.cast(node, 'i32'), order), ones), shape);
  };
  const product = graph.binary('mul', aligned(a, spec.a), aligned(b, spec.b));
  const summed = labels.flatMap((label, axis) => (spec.out.includes(label) ? [] : [axis]));
  const kept = labels.filter((label) => spec.out.includes(label));
  const total = graph.reshape(graph.reduce('sum', product, summed), kept.map(size));
  const ordered = graph.permute(
    total,
    spec.out.map((label) => kept.indexOf(label)),
  );
  return graph.cast(ordered, a.dtype);
}
