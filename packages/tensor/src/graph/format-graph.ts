/** Graphs as text, for people: one line for each node, sources first. */

import { formatCollective } from '../kernel/collective.ts';
import { formatShape } from '../kernel/shape.ts';
import type { ContractSpec, Node, NodeOf, Op, WindowSpec } from './node.ts';
import type { Storage } from './storage.ts';

/** A node that the program is computed for, and what happens with its value, such as `return 0`. */
export interface NamedRoot {
  readonly node: Node;
  readonly use: string;
}

/** The name of the tensor whose values these are, in quotes; null where no tensor with a name owns them. */
export function nameOfStorage(storage: Storage): string | null {
  const name = storage.cell?.name;
  return name === undefined ? null : `'${name}'`;
}

const letter = (label: number): string => (label < 26 ? String.fromCharCode(97 + label) : `(${label})`);

const formatLabels = (labels: readonly number[]): string => labels.map(letter).join('');

const formatContract = ({ a, b, out }: ContractSpec): string =>
  `${formatLabels(a)},${formatLabels(b)}->${formatLabels(out)}`;

const formatWindows = (windows: readonly WindowSpec[]): string =>
  windows
    .map(({ axis, size, stride, dilation }) => `axis ${axis} size ${size} stride ${stride} dilation ${dilation}`)
    .join(', ');

/** The operation with its arguments, without its sources. */
const operations: { readonly [O in Op]: (node: NodeOf<O>) => string } = {
  buffer: ({ arg: { storage } }) => `buffer ${nameOfStorage(storage) ?? ''}`.trimEnd(),
  input: ({ arg }) => `input ${arg.index}`,
  const: ({ arg }) => `const ${arg.value}`,
  iota: ({ arg }) => `iota axis ${arg.axis}`,
  unary: ({ arg }) => arg.kind,
  binary: ({ arg }) => arg.kind,
  where: () => 'where',
  random: ({ arg }) => `random site ${arg.site}`,
  reduce: ({ arg }) => `${arg.kind} axes ${formatShape(arg.axes)}`,
  reshape: () => 'reshape',
  permute: ({ arg }) => `permute ${formatShape(arg.axes)}`,
  expand: () => 'expand',
  pad: ({ arg }) => `pad ${formatShape(arg.before)} before, ${formatShape(arg.after)} after`,
  shrink: ({ arg }) => `shrink ${formatShape(arg.start)} to ${formatShape(arg.end)}`,
  flip: ({ arg }) => `flip ${formatShape(arg.axes)}`,
  window: ({ arg }) => `window ${formatWindows(arg.windows)}`,
  fold: ({ arg }) => `fold ${formatWindows(arg.windows)}`,
  contract: ({ arg }) => `contract ${formatContract(arg)}`,
  gather: ({ arg }) => `gather axis ${arg.axis}`,
  scatterAdd: ({ arg }) => `scatterAdd axis ${arg.axis} size ${arg.size}`,
  concat: ({ arg }) => `concat axis ${arg.axis}`,
  collective: ({ arg }) => formatCollective(arg),
  detach: () => 'detach',
  materialize: () => 'materialize',
  barrier: () => 'barrier',
  custom: ({ arg }) => `custom '${arg.name}'`,
};

/** The operation and its arguments: `sum axes [1]`. */
export const formatOperation = (node: Node): string => (operations[node.op] as (node: Node) => string)(node);

/** What each node is called in a text: `n0`, `n1`, ... in this order. */
export const numberNodes = (order: readonly Node[], letter: string): Map<Node, string> =>
  new Map(order.map((node, k) => [node, `${letter}${k}`]));

/**
 * One line for each node of `order`, for example
 *
 *     n3: f32 [4, 16] = contract ab,cb->ac n1 n2    # layers.0
 *
 * then one for each root. The comment is the scope in which the node was made (see `nameScope`). `sourcesOf` returns the sources that
 * are listed: those of a node that was computed before need not be.
 */
export function formatGraph(
  order: readonly Node[],
  roots: readonly NamedRoot[],
  names: ReadonlyMap<Node, string>,
  sourcesOf: (node: Node) => readonly Node[] = (node) => node.sources,
): string {
  const nameOf = (node: Node): string => names.get(node) ?? '?';
  const lines = order.map((node) => {
    const sources = sourcesOf(node).map((source) => ` ${nameOf(source)}`);
    const scope = node.scope === '' ? '' : `    # ${node.scope}`;
    return `${nameOf(node)}: ${node.dtype} ${formatShape(node.shape)} = ${formatOperation(node)}${sources.join('')}${scope}`;
  });
  return [...lines, ...roots.map(({ node, use }) => `${use}: ${nameOf(node)}`)].join('\n');
}
