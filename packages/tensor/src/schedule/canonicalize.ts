/**
 * The canonical graph, which the scheduler sees: equal nodes are merged, computed values are replaced by their storages, identities are
 * dropped, `fold` and large reductions are lowered. Also the graph's key, a text by which programs are cached.
 */

import * as graph from '../graph/graph.ts';
import { makeNode, type Node, type NodeOf, nameScope, type Op, orderNodes } from '../graph/node.ts';
import { realizedStorage, type Storage, uncomputedSources } from '../graph/storage.ts';
import { formatCollective } from '../kernel/collective.ts';
import { isHalf } from '../kernel/dtype.ts';
import { lookUp, nth } from '../kernel/nth.ts';
import { sizeOf } from '../kernel/shape.ts';
import { lowerFold } from './fold.ts';
import { shrinkContraction } from './shrink.ts';

const argumentKeys = new WeakMap<object, string>();

/** An operation's argument as text, without functions (of custom gradients) and storages. */
function argumentKey(node: Node): string {
  if (node.arg === null || node.op === 'buffer' || node.op === 'custom') return '';
  const known = argumentKeys.get(node.arg);
  if (known !== undefined) return known;
  if (node.op === 'collective') return formatCollective(node.arg, true);
  // JSON cannot represent -0, NaN and the infinities.
  const text =
    node.op === 'const' ? (Object.is(node.arg.value, -0) ? '-0' : String(node.arg.value)) : JSON.stringify(node.arg);
  argumentKeys.set(node.arg, text);
  return text;
}

const formatNode = (node: Node, sources: readonly number[]): string =>
  `${node.op} ${argumentKey(node)} ${node.dtype}[${node.shape}] ${sources}`;

/**
 * Splits a large reduction into two steps. One with few results over many elements leaves cores idle and loses precision; one over
 * several axes (the statistics of a batch normalization, the gradient of a bias) also reads far more memory for each result than fits in
 * a cache. The first step reduces all axes but the first (or chunks of a single axis), the second the partial results.
 */
function splitReduction(node: Node): Node {
  if (node.op !== 'reduce') return node;
  if (sizeOf(nth(node.sources, 0).shape) === 0) return graph.constant(0, node.shape, node.dtype);
  const { kind, axes } = node.arg;
  const source = nth(node.sources, 0);
  const rows = sizeOf(node.shape);
  const elements = sizeOf(source.shape);
  const large = axes.filter((axis) => nth(source.shape, axis) > 1);
  const few = rows < 64 && elements >= 1 << 15;
  const long = large.length > 1 && elements >= 512 * rows && elements >= 1 << 15;
  if (!few && !long) return node;
  const [first = 0, ...rest] = large;
  if (rest.length > 0 && rows * nth(source.shape, first) >= 8)
    return graph.reduce(kind, graph.reduce(kind, source, rest), [first]);
  // A single axis, or a short first one: chunks of the longest axis.
  const axis = large.reduce((best, k) => (nth(source.shape, k) > nth(source.shape, best) ? k : best), first);
  const n = nth(source.shape, axis);
  const chunks = [64, 48, 32, 24, 16, 12, 8].find((count) => n % count === 0 && n / count >= 8);
  if (chunks === undefined) return node;
  const shape = [...source.shape.slice(0, axis), chunks, n / chunks, ...source.shape.slice(axis + 1)];
  const inner = large.map((k) => (k >= axis ? k + 1 : k));
  const partial = graph.reduce(kind, graph.reshape(source, shape), inner);
  return graph.reshape(graph.reduce(kind, partial, [axis]), node.shape);
}

const reduceOf = (node: NodeOf<'reduce'>, source: Node): Node =>
  makeNode('reduce', [source], node.arg, node.shape, source.dtype);

/** Computes in f32: partial sums that are stored would lose precision in a two-byte type. */
const inSingle = (node: Node, source: Node, compute: (source: Node) => Node): Node =>
  isHalf(node.dtype) ? graph.cast(compute(graph.cast(source, 'f32')), node.dtype) : compute(source);

/** The result of `canonicalize`. */
export interface CanonicalGraph {
  readonly roots: readonly Node[];
  /** The roots and everything below them, sources first, otherwise in the order of creation. */
  readonly order: readonly Node[];
}

/** The canonical form of the graph of these roots: see the top of this file. */
export function canonicalize(roots: readonly Node[]): CanonicalGraph {
  const mapped = new Map<Node, Node>();
  const unique = new Map<string, Node>();
  const storages = new Map<Storage, number>();
  const localIds = new Map<Node, number>();

  const intern = (node: Node): Node => {
    let key = formatNode(
      node,
      node.sources.map((source) => lookUp(localIds, source)),
    );
    if (node.op === 'buffer') {
      const { storage } = node.arg;
      if (!storages.has(storage)) storages.set(storage, storages.size);
      key += storages.get(storage);
    }
    const known = unique.get(key);
    if (known !== undefined) return known;
    unique.set(key, node);
    localIds.set(node, localIds.size);
    return node;
  };

  /** Interns a graph that a lowering built from canonical nodes. */
  const internAll = (root: Node): Node => {
    const renamed = new Map<Node, Node>();
    for (const node of orderNodes([root], (n) => (localIds.has(n) ? [] : n.sources)))
      renamed.set(
        node,
        localIds.has(node)
          ? node
          : intern(
              withSources(
                node,
                node.sources.map((source) => lookUp(renamed, source)),
              ),
            ),
      );
    return lookUp(renamed, root);
  };

  // Sources are created before their users, so the order of creation is a topological order.
  const created = orderNodes(roots, uncomputedSources).sort((a, b) => a.id - b.id);
  const uses = countUses(roots, created);
  const canonical = (node: Node): Node => {
    const storage = realizedStorage(node);
    if (storage !== undefined) return intern(node.op === 'buffer' ? node : graph.buffer(storage, node.shape));
    const sources = uncomputedSources(node).map((source) => lookUp(mapped, source));
    const [first] = sources;
    if (first === undefined) return intern(node);
    switch (node.op) {
      case 'buffer':
        return internAll(graph.reshape(first, node.shape));
      case 'detach':
      case 'custom':
        return first;
      case 'fold':
        return internAll(lowerFold(first, node.shape, node.arg.windows));
      case 'reduce':
        return internAll(inSingle(node, first, (source) => splitReduction(reduceOf(node, source))));
      case 'scatterAdd': {
        const { axis, size } = node.arg;
        if (!isHalf(node.dtype)) break;
        return internAll(inSingle(node, first, (values) => graph.scatterAdd(values, nth(sources, 1), axis, size)));
      }
      case 'collective': {
        const { kind } = node.arg;
        if (!isHalf(node.dtype) || kind === 'allGather' || kind === 'allToAll') break;
        return internAll(inSingle(node, first, (source) => graph.collective(source, node.arg)));
      }
      case 'contract':
        if (!sources.some((source) => sizeOf(source.shape) === 0)) break;
        return intern(graph.constant(0, node.shape, node.dtype));
      case 'shrink': {
        const part = shrinkContraction(node, first, uses);
        if (part === null) break;
        return internAll(part);
      }
    }
    return intern(withSources(node, sources));
  };
  for (const node of created)
    mapped.set(
      node,
      nameScope(node.scope, () => canonical(node)),
    );
  const canonicalRoots = roots.map((root) => lookUp(mapped, root));
  const reached = new Set(orderNodes(canonicalRoots, (node) => node.sources));
  return { roots: canonicalRoots, order: [...localIds.keys()].filter((node) => reached.has(node)) };
}

/** The number of nodes and roots that use each node. */
function countUses(roots: readonly Node[], nodes: readonly Node[]): Map<Node, number> {
  const uses = new Map<Node, number>();
  for (const used of [...roots, ...nodes.flatMap(uncomputedSources)]) uses.set(used, (uses.get(used) ?? 0) + 1);
  return uses;
}

function withSources(node: Node, sources: readonly Node[]): Node {
  if (sources.every((source, k) => source === node.sources[k])) return node;
  return makeNode<Op>(node.op, sources, node.arg, node.shape, node.dtype);
}

/**
 * The canonical graph as text, and the storages that it reads, in order of appearance. The texts of two graphs are equal if the graphs
 * differ only in their storages.
 */
export function graphKey({ roots, order }: CanonicalGraph): { key: string; storages: Storage[] } {
  const positions = new Map<Node, number>();
  const storages: Storage[] = [];
  const lines: string[] = [];
  for (const node of order) {
    let line = formatNode(
      node,
      node.sources.map((source) => lookUp(positions, source)),
    );
    if (node.op === 'buffer') {
      let at = storages.indexOf(node.arg.storage);
      if (at < 0) at = storages.push(node.arg.storage) - 1;
      line += ` #${at}`;
    }
    if (node.op === 'barrier') line = line.replace(/"id":\d+/, '');
    positions.set(node, positions.size);
    lines.push(line);
  }
  lines.push(roots.map((root) => positions.get(root)).join());
  return { key: lines.join('\n'), storages };
}
