/**
 * Checked runs of compiled functions: the recorded graph is computed operation by operation, as an eager library would, and the values of
 * each are looked at before the next. The program itself then runs as always, with the same bits.
 */
import { formatOperation, nameOfStorage } from '../graph/format-graph.ts';
import * as graph from '../graph/graph.ts';
import { coordinates, firstOf } from '../graph/index-check.ts';
import { makeNode, type Node, type Op, orderNodes, originOf, type Storage, withGradients } from '../graph/node.ts';
import { pendingNode, realizedStorage } from '../graph/storage.ts';
import { formatPlace } from '../graph/user-line.ts';
import type { Backend } from '../kernel/backend.ts';
import { isFloat, largestFinite } from '../kernel/dtype.ts';
import { lookUp, nth } from '../kernel/nth.ts';
import { formatShape, sizeOf } from '../kernel/shape.ts';
import type { ProgramCache } from './execute.ts';
import { compute, readStorage } from './realize.ts';

/** What is indexed, and not computed, when an operation reads it. */
const views: ReadonlySet<Op> = new Set<Op>(['reshape', 'permute', 'expand', 'pad', 'shrink', 'flip', 'window']);
/** Operations that return their first source. */
const identities: ReadonlySet<Op> = new Set<Op>(['detach', 'custom', 'materialize', 'barrier']);

export interface CheckedRun {
  readonly backend: Backend;
  /** What the program computes. */
  readonly roots: readonly Node[];
  /** The memory of a leaf: an argument, or a tensor from outside, as it is now. */
  readonly storageOf: (leaf: Node) => Storage;
  /** Keeps the programs of the single operations. */
  readonly programs: ProgramCache;
}

const isPending = (node: Node): boolean => node.op === 'buffer' && node.arg.storage.pending !== null;

/** A value from outside of the graph. */
const isLeaf = (node: Node): boolean =>
  !isPending(node) && (node.op === 'buffer' || node.op === 'input' || realizedStorage(node) !== undefined);

/** What the value of a node is taken or computed from. */
function sourcesOf(node: Node): readonly Node[] {
  if (node.op === 'buffer' && isPending(node)) return [pendingNode(node.arg.storage)];
  if (isLeaf(node)) return [];
  return identities.has(node.op) ? node.sources.slice(0, 1) : node.sources;
}

const isComputed = (node: Node): boolean =>
  !isLeaf(node) &&
  !isPending(node) &&
  !views.has(node.op) &&
  !identities.has(node.op) &&
  node.op !== 'const' &&
  node.op !== 'iota';

/** i32 []: 0 where all values are finite, else the number of values from the first that is not to the end. */
function notFinite(node: Node): Node {
  const count = sizeOf(node.shape);
  const values = graph.reshape(node, [count]);
  const isNumber = graph.binary('eq', values, values);
  const largest = graph.constant(largestFinite[node.dtype] ?? Number.MAX_VALUE, [count], node.dtype);
  // Compilers of shaders may assume that there are no infinities to compare with: they are told by the largest finite number.
  const isInfinite = graph.binary('lt', largest, graph.binary('max', values, graph.unary('neg', values)));
  return firstOf(graph.binary('or', isInfinite, graph.binary('xor', isNumber, graph.constant(1, [count], 'bool'))));
}

/** The operation in words, and for one of the backward pass, the operation whose derivative it belongs to. */
function describe(node: Node): string {
  const forward = originOf(node)?.forward ?? null;
  return forward === null
    ? formatOperation(node)
    : `${formatOperation(node)}, in the backward pass of ${formatOperation(forward)},`;
}

function placeOf(node: Node): string {
  const origin = originOf(node);
  const made = origin?.forward === null || origin === null ? origin : (originOf(origin.forward) ?? origin);
  return formatPlace(node.scope, made?.trace ?? null);
}

function errorAt(node: Node, flag: number, values: ArrayLike<number>): Error {
  const position = sizeOf(node.shape) - flag;
  return new Error(
    `checked: ${describe(node)} made ${values[position]} at ${formatShape(coordinates(position, node.shape))} of ${node.dtype} ` +
      `${formatShape(node.shape)} from finite values${placeOf(node)}`,
  );
}

function leafErrorAt(leaf: Node, flag: number, values: ArrayLike<number>): Error {
  const position = sizeOf(leaf.shape) - flag;
  const name = leaf.op === 'buffer' ? nameOfStorage(leaf.arg.storage) : null;
  const what = leaf.op === 'input' ? `argument ${leaf.arg.index}` : (name ?? 'a tensor from outside');
  return new Error(
    `checked: ${what}, ${leaf.dtype} ${formatShape(leaf.shape)}, holds ${values[position]} at ` +
      `${formatShape(coordinates(position, leaf.shape))}${leaf.requiresGrad ? '' : ', and a result is not finite'}`,
  );
}

/**
 * Computes the graph operation by operation.
 *
 * @throws Error that names the first operation, in the order of the program, with an index out of range, or which makes a NaN or an
 * infinity from finite values; or a parameter, or what makes a result infinite or NaN, that is not finite to begin with
 */
export async function checkRun({ backend, roots, storageOf, programs }: CheckedRun): Promise<void> {
  const order = orderNodes(roots, sourcesOf).sort((a, b) => a.id - b.id);
  const computed = order.filter(isComputed);
  const stored = new Map<Node, Storage>();
  /** Nodes with values that are not finite, and the constants that are not. */
  const bad = new Set<Node>(order.filter((node) => node.op === 'const' && !Number.isFinite(node.arg.value)));
  const standIns = new Map<Node, Node>();

  /** The node over stored values: what is not stored is indexed in another way, or is a constant. */
  const standIn = (node: Node): Node => {
    const known = standIns.get(node);
    if (known !== undefined) return known;
    const own = stored.get(node) ?? (isLeaf(node) ? storageOf(node) : null);
    const made = own === null ? derived(node) : graph.buffer(own, node.shape);
    standIns.set(node, made);
    return made;
  };
  const derived = (node: Node): Node => {
    const sources = sourcesOf(node);
    const [first] = sources;
    if (first === undefined) return node;
    if (isPending(node)) return graph.reshape(standIn(first), node.shape);
    if (identities.has(node.op)) return standIn(first);
    return makeNode<Op>(node.op, sources.map(standIn), node.arg, node.shape, node.dtype);
  };

  /** The stored values and constants that a node is computed from. */
  const operands = new Map<Node, readonly Node[]>();
  for (const node of order)
    operands.set(node, [
      ...new Set(
        sourcesOf(node).flatMap((source) =>
          isComputed(source) || isLeaf(source) || source.op === 'const' ? [source] : lookUp(operands, source),
        ),
      ),
    ]);
  const lastUse = new Map<Node, Node>();
  for (const node of computed) for (const operand of lookUp(operands, node)) lastUse.set(operand, node);

  const flagOf = async (flag: Storage): Promise<number> => nth(await readStorage(flag), 0);
  const flags = (node: Node): boolean => isFloat(node.dtype) && sizeOf(node.shape) > 0;

  /** The first error of a leaf: it counts where a result is not finite, too. */
  let leafError: Error | null = null;
  for (const leaf of order.filter((node) => isLeaf(node) && flags(node))) {
    const [flag] = await withoutGradients(() => compute(backend, [notFinite(standIn(leaf))], programs));
    const found = await flagOf(flag as Storage);
    if (found === 0) continue;
    bad.add(leaf);
    const error = leafErrorAt(leaf, found, await readStorage(storageOf(leaf)));
    if (leaf.requiresGrad) throw error;
    leafError ??= error;
  }
  for (const node of computed) {
    for (const check of node.checks) {
      const subject = standIn(check.subject);
      const [flag, values] = await withoutGradients(() =>
        compute(backend, [check.flagOf(subject), graph.materialize(subject)], programs),
      );
      const found = await flagOf(flag as Storage);
      if (found !== 0) throw check.error(found, await readStorage(values as Storage));
    }
    const made = withGradients(false, () => derived(node));
    const [value, flag] = await withoutGradients(() =>
      compute(backend, flags(node) ? [made, notFinite(made)] : [made], programs),
    );
    stored.set(node, value as Storage);
    const found = flag === undefined ? 0 : await flagOf(flag);
    if (found !== 0) {
      if (!lookUp(operands, node).some((operand) => bad.has(operand)))
        throw errorAt(node, found, await readStorage(value as Storage));
      bad.add(node);
    }
    for (const operand of lookUp(operands, node)) if (lastUse.get(operand) === node) stored.get(operand)?.release();
  }
  for (const storage of stored.values()) storage.release();
  const isBad = (node: Node): boolean =>
    isComputed(node) || isLeaf(node) ? bad.has(node) : lookUp(operands, node).some((operand) => bad.has(operand));
  if (leafError !== null && roots.some((root) => !isLeaf(root) && isBad(root))) throw leafError;
}

const withoutGradients = <T>(body: () => T): T => withGradients(false, body);
