/**
 * Einstein's summation by PyTorch's rules: any number of operands, `...` for axes that broadcast, and a letter that occurs twice in one
 * operand for its diagonal.
 *
 * Operands are multiplied from left to right. A letter is summed over as soon as no later operand and not the output needs it.
 */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { nth } from '../kernel/nth.ts';
import { formatShape, type Shape } from '../kernel/shape.ts';
import { diagonal } from './arranging.ts';
import { contract, productPair } from './contract.ts';
import { sum } from './reductions.ts';

/** One operand with a label for each axis. Letters are labels; an axis of `...` has the label '...0' if it is the last, '...1' before it. */
interface Labeled {
  readonly node: Node;
  readonly labels: readonly string[];
}

interface Equation {
  readonly inputs: readonly string[];
  /** null without an arrow. */
  readonly output: string | null;
}

type Malformed = (what: string) => never;

function parse(equation: string, operands: readonly Node[], malformed: Malformed): Equation {
  const [left = '', right, ...rest] = equation.replaceAll(' ', '').split('->');
  const wellFormed = /^[A-Za-z]*(\.\.\.)?[A-Za-z]*$/;
  const inputs = left.split(',');
  if (rest.length > 0 || ![...inputs, right ?? ''].every((part) => wellFormed.test(part)))
    malformed("is not of the form 'ij,jk->ik' with one letter for each axis, and at most one '...' for each operand");
  if (inputs.length !== operands.length) malformed(`names ${inputs.length} operands, got ${operands.length}`);
  return { inputs, output: right ?? null };
}

/** The label of each axis. Axes of '...' are counted from the last. */
function labelAxes(text: string, { shape }: Node, malformed: Malformed): string[] {
  const [before = '', after] = text.split('...');
  const letters = before.length + (after?.length ?? 0);
  const more = shape.length - letters;
  if (more < 0 || (after === undefined && more > 0))
    malformed(`'${text}' names ${letters} axes of a tensor of shape ${formatShape(shape)}`);
  const inner = Array.from({ length: more }, (_, k) => `...${more - 1 - k}`);
  return [...before, ...inner, ...(after ?? '')];
}

/** Takes the diagonal of every label that occurs twice. */
function withoutRepeats({ node, labels }: Labeled, malformed: Malformed): Labeled {
  const twice = labels.findIndex((label, k) => labels.indexOf(label) !== k);
  if (twice < 0) return { node, labels };
  const label = nth(labels, twice);
  const first = labels.indexOf(label);
  const [a, b] = [node.shape[first], node.shape[twice]];
  if (a !== b) malformed(`'${label}' is ${a} and ${b} in ${formatShape(node.shape)}`);
  const rest = labels.filter((_, k) => k !== first && k !== twice);
  return withoutRepeats({ node: diagonal(node, 0, first, twice), labels: [...rest, label] }, malformed);
}

/** Labels of the output without an arrow: those of '...', then the letters that occur once, in alphabetical order. */
function impliedOutput(operands: readonly (readonly string[])[]): string[] {
  const all = operands.flat();
  const inner = ellipsisLabels(operands);
  const once = [...new Set(all)].filter(
    (label) => !label.startsWith('...') && all.indexOf(label) === all.lastIndexOf(label),
  );
  return [...inner, ...once.sort()];
}

/** The labels of '...', the outermost axis first. */
function ellipsisLabels(operands: readonly (readonly string[])[]): string[] {
  const count = Math.max(0, ...operands.map((labels) => labels.filter((label) => label.startsWith('...')).length));
  return Array.from({ length: count }, (_, k) => `...${count - 1 - k}`);
}

function outputLabels(text: string, operands: readonly (readonly string[])[], malformed: Malformed): string[] {
  const [before = '', after] = text.split('...');
  const labels = [...before, ...(after === undefined ? [] : ellipsisLabels(operands)), ...(after ?? '')];
  const all = new Set(operands.flat());
  labels.forEach((label, k) => {
    if (labels.indexOf(label) !== k) malformed(`the output '${text}' names an axis twice`);
    if (!all.has(label)) malformed(`'${label}' is only in the output`);
  });
  return labels;
}

/** The size of each label. Sizes of 1 broadcast. */
function sizesOf(operands: readonly Labeled[], malformed: Malformed): Map<string, number> {
  const found = new Map<string, { size: number; shape: Shape }>();
  for (const { node, labels } of operands)
    labels.forEach((label, axis) => {
      const size = nth(node.shape, axis);
      const known = found.get(label);
      if (known !== undefined && known.size !== 1 && size !== 1 && known.size !== size)
        malformed(
          `'${label}' is ${known.size} in ${formatShape(known.shape)} and ${size} in ${formatShape(node.shape)}`,
        );
      if (known === undefined || known.size === 1) found.set(label, { size, shape: node.shape });
    });
  return new Map([...found].map(([label, { size }]) => [label, size]));
}

/** Drops axes of size 1 whose label is larger elsewhere, and sums over axes that nobody needs. */
function reduced({ node, labels }: Labeled, sizes: ReadonlyMap<string, number>, needed: ReadonlySet<string>): Labeled {
  const broadcast = labels.flatMap((label, axis) => (node.shape[axis] === 1 && sizes.get(label) !== 1 ? [axis] : []));
  const summed = labels.flatMap((label, axis) => (!needed.has(label) && !broadcast.includes(axis) ? [axis] : []));
  const total = summed.length === 0 ? node : sum(node, summed, true);
  const dropped = new Set([...broadcast, ...summed]);
  const keep = <T>(list: readonly T[]): T[] => list.filter((_, axis) => !dropped.has(axis));
  return { node: graph.reshape(total, keep(node.shape)), labels: keep(labels) };
}

/** The product of two operands, summed over the labels that nobody else needs. */
function multiply(a: Labeled, b: Labeled, needed: ReadonlySet<string>): Labeled {
  const labels = [...new Set([...a.labels, ...b.labels])];
  const out = labels.filter((label) => needed.has(label));
  const number = (list: readonly string[]): number[] => list.map((label) => labels.indexOf(label));
  const [x, y] = productPair('einsum', a.node, b.node);
  return { node: contract(x, y, { a: number(a.labels), b: number(b.labels), out: number(out) }), labels: out };
}

/**
 * einsum('bhld,bhsd->bhls', q, k). Letters that are missing in the output are summed over; without '->' the output has the letters that
 * occur once, in alphabetical order, after the axes of '...'.
 */
export function einsum(equation: string, ...operands: readonly Node[]): Node {
  if (operands.length === 0) throw new RangeError('einsum: needs at least one operand');
  const malformed: Malformed = (what) => {
    throw new RangeError(`einsum: '${equation}': ${what}`);
  };
  const { inputs, output } = parse(equation, operands, malformed);
  const labeled = operands.map((node, k) =>
    withoutRepeats({ node, labels: labelAxes(nth(inputs, k), node, malformed) }, malformed),
  );
  const written = operands.map((node, k) => labelAxes(nth(inputs, k), node, malformed));
  const labels = output === null ? impliedOutput(written) : outputLabels(output, written, malformed);
  const sizes = sizesOf(labeled, malformed);
  const neededAfter = (k: number): Set<string> =>
    new Set([...labels, ...labeled.slice(k + 1).flatMap((x) => x.labels)]);
  let result: Labeled | null = null;
  labeled.forEach((operand, k) => {
    const own = reduced(operand, sizes, new Set([...neededAfter(k), ...(result?.labels ?? [])]));
    result = result === null ? own : multiply(result, own, neededAfter(k));
    result = reduced(result, sizes, neededAfter(k));
  });
  return ordered(result as unknown as Labeled, labels, sizes);
}

/** The axes in the order of the output. An axis of '...' that only operands of size 1 had is of size 1. */
function ordered({ node, labels }: Labeled, output: readonly string[], sizes: ReadonlyMap<string, number>): Node {
  const present = output.filter((label) => labels.includes(label));
  const permuted = graph.permute(
    node,
    present.map((label) => labels.indexOf(label)),
  );
  return graph.reshape(
    permuted,
    output.map((label) => sizes.get(label) ?? 1),
  );
}
