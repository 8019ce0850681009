/** Products of tensors. All of them are contractions. */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { isFloat, promote } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { broadcastShapes, formatShape, type Shape } from '../kernel/shape.ts';
import { productOperands } from './autocast.ts';
import { mul } from './elementwise.ts';

function promoteFloats(op: string, a: Node, b: Node): [Node, Node] {
  if (!isFloat(a.dtype) || !isFloat(b.dtype))
    throw new RangeError(
      `${op}: needs floating-point tensors, got ${a.dtype} ${formatShape(a.shape)} and ${b.dtype} ${formatShape(b.shape)}; cast first`,
    );
  const dtype = promote(a.dtype, b.dtype);
  return productOperands(a, b) ?? [graph.cast(a, dtype), graph.cast(b, dtype)];
}

/**
 * The matrix product by PyTorch's rules: [..., m, k] x [..., k, n] -> [..., m, n], where leading axes broadcast. A vector [k] counts as
 * [1, k] on the left and as [k, 1] on the right, and that axis is dropped from the result.
 *
 * A leading axis of size 1, or missing, in one operand is a free axis of the other: nothing is repeated, and `x.matmul(weight)`
 * with a batched `x` is one product with all rows of all batches.
 */
export function matmul(left: Node, right: Node): Node {
  const problem = (what: string): never => {
    throw new RangeError(`matmul: ${formatShape(left.shape)} x ${formatShape(right.shape)}: ${what}`);
  };
  if (left.shape.length === 0 || right.shape.length === 0) problem('a scalar has no axis to sum over; use mul');
  const [a, b] = promoteFloats('matmul', left, right);
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
  const product = graph.contract(
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

function parseEquation(equation: string, operands: number): { inputs: string[]; output: string } {
  const malformed = (what: string): never => {
    throw new RangeError(`einsum: '${equation}': ${what}`);
  };
  const [left = '', right, ...rest] = equation.replaceAll(' ', '').split('->');
  const inputs = left.split(',');
  if (rest.length > 0 || !/^[A-Za-z,]*$/.test(left) || !/^[A-Za-z]*$/.test(right ?? ''))
    malformed("is not of the form 'ij,jk->ik' with one letter for each axis");
  if (inputs.length !== operands) malformed(`names ${inputs.length} operands, got ${operands}`);
  for (const input of inputs)
    if (new Set(input).size !== input.length) malformed(`'${input}' names an axis twice; diagonals are not supported`);
  const letters = [...inputs.join('')];
  // Without an arrow: the letters that occur once, in alphabetical order.
  const output =
    right ??
    [...new Set(letters)]
      .filter((x) => letters.indexOf(x) === letters.lastIndexOf(x))
      .sort()
      .join('');
  if (new Set(output).size !== output.length) malformed(`the output '${output}' names an axis twice`);
  for (const letter of output) if (!letters.includes(letter)) malformed(`'${letter}' is only in the output`);
  return { inputs, output };
}

/**
 * Einstein's summation for one or two operands: einsum('bhld,bhsd->bhls', q, k). Letters that are missing in the output are summed
 * over; without '->' the output has the letters that occur once, in alphabetical order.
 */
export function einsum(equation: string, ...operands: readonly Node[]): Node {
  if (operands.length < 1 || operands.length > 2)
    throw new RangeError(`einsum: takes one or two operands, got ${operands.length}`);
  const { inputs, output } = parseEquation(equation, operands.length);
  for (const [k, input] of inputs.entries()) {
    const { shape } = nth(operands, k);
    if (shape.length !== input.length)
      throw new RangeError(
        `einsum: '${equation}': '${input}' names ${input.length} axes of a tensor of shape ${formatShape(shape)}`,
      );
  }
  const [firstLetters = '', secondLetters] = inputs;
  const first = sumOut(nth(operands, 0), firstLetters, output + (secondLetters ?? ''));
  if (secondLetters === undefined)
    return graph.permute(
      first.node,
      [...output].map((letter) => first.letters.indexOf(letter)),
    );
  const second = sumOut(nth(operands, 1), secondLetters, output + firstLetters);
  const [a, b] = promoteFloats('einsum', first.node, second.node);
  const labels = [...new Set(first.letters + second.letters)];
  checkSizes(equation, [a, b], [first.letters, second.letters]);
  const label = (letters: string): number[] => [...letters].map((letter) => labels.indexOf(letter));
  return graph.contract(a, b, { a: label(first.letters), b: label(second.letters), out: label(output) });
}

/** Sums over the axes whose letters are not in `kept`. */
function sumOut(source: Node, letters: string, kept: string): { node: Node; letters: string } {
  const summed = [...letters].flatMap((letter, axis) => (kept.includes(letter) ? [] : [axis]));
  const shape = source.shape.filter((_, axis) => !summed.includes(axis));
  return {
    node: graph.reshape(graph.reduce('sum', source, summed), shape),
    letters: [...letters].filter((_, axis) => !summed.includes(axis)).join(''),
  };
}

function checkSizes(equation: string, nodes: readonly [Node, Node], letters: readonly [string, string]): void {
  [...letters[0]].forEach((letter, axis) => {
    const other = letters[1].indexOf(letter);
    const [x, y] = [nodes[0].shape[axis], nodes[1].shape[other]];
    if (other >= 0 && x !== y)
      throw new RangeError(
        `einsum: '${equation}': '${letter}' is ${x} in ${formatShape(nodes[0].shape)} and ${y} in ${formatShape(nodes[1].shape)}`,
      );
  });
}
