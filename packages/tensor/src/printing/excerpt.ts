/** The values of a tensor that are printed. Reading them disturbs nothing: they are read only where that is possible at once. */
import * as graph from '../graph/graph.ts';
import { type Node, type Op, orderNodes, type Storage, withGradients } from '../graph/node.ts';
import { allocationOf, realizedStorage, uncomputedSources } from '../graph/storage.ts';
import { type Backend, getBackend } from '../kernel/backend.ts';
import { allocateArray, computeDType, decodeArray, type TypedArray } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { type Shape, sameShape, sizeOf } from '../kernel/shape.ts';
import { isGraphOracle } from '../runtime/oracle.ts';
import { findBackend, pendingNodes, readNodeSync } from '../runtime/realize.ts';
import { isRecording } from '../runtime/recording.ts';

/** The values, or why there are none. */
export type Excerpt = { readonly values: ArrayLike<number> } | { readonly missing: string };

/**
 * The elements of `node` at both ends of each axis: `printed[k]` of axis k, half of them at its end. Values in memory are read there, and
 * only those elements. Other values are computed if that is quick; they are not kept, so that the tensor itself stays as it was.
 *
 * @throws Error if the values cannot be read, for instance because the device was lost
 */
export function excerptOf(node: Node, printed: Shape): Excerpt {
  if (node.op === 'const')
    return { values: allocateArray(computeDType(node.dtype), sizeOf(printed)).fill(node.arg.value) };
  const storage = realizedStorage(node);
  if (storage !== undefined)
    return canRead(storage.backend) ? { values: readEnds(storage, node.shape, printed) } : elsewhere(storage.backend);
  if (isRecording()) return { missing: 'not computed yet: a compiled function is being recorded' };
  const backend = findBackend([node]) ?? getBackend();
  if (!canRead(backend)) return elsewhere(backend);
  if (!isQuick(node, printed, backend)) return { missing: 'not computed yet' };
  return { values: readNodeSync(endsOf(node, printed)) };
}

const canRead = (backend: Backend): boolean => backend.readSync !== undefined;

const elsewhere = ({ name }: Backend): Excerpt => ({ missing: `on ${name}: await describe() reads the values` });

/** Reads the ends of every axis from memory, one row after the other. */
function readEnds(storage: Storage, shape: Shape, printed: Shape): ArrayLike<number> {
  const { backend, dtype } = storage;
  const allocation = allocationOf(storage);
  const read = (start: number, length: number): TypedArray => {
    const stored = backend.readSync?.(allocation, dtype, length, start);
    if (stored === undefined) throw new Error(`backend '${backend.name}' cannot be read synchronously`);
    return decodeArray(dtype, stored);
  };
  if (sameShape(shape, printed)) return read(0, sizeOf(shape));
  const values: number[] = [];
  const visit = (axis: number, start: number): void => {
    if (axis === shape.length) {
      values.push(nth(read(start, 1), 0));
      return;
    }
    const stride = sizeOf(shape.slice(axis + 1));
    for (const [from, to] of runsOf(nth(shape, axis), nth(printed, axis)))
      if (axis === shape.length - 1) values.push(...read(start + from, to - from));
      else for (let k = from; k < to; k++) visit(axis + 1, start + k * stride);
  };
  visit(0, 0);
  return values;
}

/** The parts of an axis of `size` elements, of which `printed` are printed. */
function runsOf(size: number, printed: number): [start: number, end: number][] {
  if (printed === size) return [[0, size]];
  return [
    [0, printed / 2],
    [size - printed / 2, size],
  ];
}

/** The ends of every axis as a node of its own: when it is computed, the value of `node` itself is not kept. */
export const endsOf = (node: Node, printed: Shape): Node =>
  withGradients(false, () =>
    graph.materialize(
      printed.reduce((part, kept, axis) => {
        const pieces = runsOf(nth(part.shape, axis), kept).map(([start, end]) =>
          graph.shrink(
            part,
            part.shape.map((_, k) => (k === axis ? start : 0)),
            part.shape.map((n, k) => (k === axis ? end : n)),
          ),
        );
        return pieces.length === 1 ? part : graph.concat(pieces, axis);
      }, node),
    ),
  );

/** Elementary operations that count as quick: some milliseconds. The oracle interprets, and is a hundred times slower. */
const budget = { compiled: 4e6, interpreted: 4e4 };
const nodeLimit = 2000;

/** Ops of which only the elements are computed that are asked for. */
const isElementwise = (op: Op): boolean => op === 'unary' || op === 'binary' || op === 'where' || op === 'iota';

const views: ReadonlySet<Op> = new Set([
  'reshape',
  'permute',
  'expand',
  'pad',
  'shrink',
  'flip',
  'window',
  'detach',
  'buffer',
  'const',
]);

/** Whether the ends of `node`, and everything that would be computed with them, take only some milliseconds. */
function isQuick(node: Node, printed: Shape, backend: Backend): boolean {
  let visited = 0;
  // All assigned state is computed together with the next value that is read.
  const order = orderNodes([node, ...pendingNodes()], (user) => (++visited > nodeLimit ? [] : uncomputedSources(user)));
  if (visited > nodeLimit) return false;
  const isOracle = isGraphOracle(backend);
  const asked = sizeOf(printed);
  const whole = new Set<Node>(isOracle ? order : pendingNodes());
  let cost = 0;
  // Users come before their sources: a source is needed as a whole if one of its users is more than element by element.
  for (const user of order.reverse()) {
    const isPart = !whole.has(user);
    cost += views.has(user.op) ? 0 : isPart && isElementwise(user.op) ? asked : costOf(user);
    if (isPart && (isElementwise(user.op) || views.has(user.op))) continue;
    for (const source of uncomputedSources(user)) whole.add(source);
  }
  return cost <= (isOracle ? budget.interpreted : budget.compiled);
}

/** Elementary operations of a node that is computed as a whole. */
function costOf(node: Node): number {
  if (node.op !== 'contract')
    return sizeOf(node.shape) + node.sources.reduce((total, { shape }) => total + sizeOf(shape), 0);
  const { a, out } = node.arg;
  const summed = a.map((label, axis) => (out.includes(label) ? 1 : nth(nth(node.sources, 0).shape, axis)));
  return sizeOf(node.shape) * sizeOf(summed);
}
