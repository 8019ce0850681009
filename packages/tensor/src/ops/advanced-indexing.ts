/**
 * Indexing as in PyTorch, x[1, :, None, idx, ...]: numbers, slices, new axes, `...`, and tensors of positions, which broadcast together.
 *
 * Numbers, slices and new axes are applied first, as views. What the tensors of positions choose is then one gather: their common shape
 * takes the place of the axes that they index if these are next to each other, and comes first otherwise.
 */

import * as graph from '../graph/graph.ts';
import { checkIndex } from '../graph/index-check.ts';
import type { Node } from '../graph/node.ts';
import { nth } from '../kernel/nth.ts';
import { broadcastShapes, formatShape, type Shape, sizeOf } from '../kernel/shape.ts';
import { stored } from './along.ts';
import { stridedSlice } from './arranging.ts';
import { broadcastTo } from './operand.ts';
import { fromFront, scaled } from './positions.ts';
import { putRows } from './scattering.ts';
import { select, unsqueeze } from './shaping.ts';

/** From `start` to before `end`, every `step`-th; as in Python's slices all of them may be missing, and negative positions count from the end. */
export interface SliceRange {
  readonly start?: number;
  readonly end?: number;
  readonly step?: number;
}

/**
 * One part of an index: a position, a slice (also as text: ':', '1:', '::2'), a new axis (null), '...' for all axes that are not
 * named, or a tensor of positions.
 */
export type IndexPart<T> = number | string | null | SliceRange | T;

const isNode = (part: IndexPart<Node>): part is Node =>
  typeof part === 'object' && part !== null && 'dtype' in part && 'shape' in part;

/** Parses a slice in Python's notation. */
function parseSlice(text: string): SliceRange {
  const fields = text.split(':').map((field) => field.trim());
  if (fields.length < 2 || fields.length > 3 || !fields.every((field) => /^(-?\d+)?$/.test(field)))
    throw new RangeError(`index: '${text}' is not a slice such as ':', '1:', '-3:-1' or '::2', nor '...'`);
  const [start, end, step] = fields.map((field) => (field === '' ? undefined : Number(field)));
  return {
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
    ...(step === undefined ? {} : { step }),
  };
}

/** How many axes of the tensor a part takes. */
const axesTaken = (part: IndexPart<Node>): number => (part === null || part === '...' ? 0 : 1);

interface Viewed {
  readonly node: Node;
  /** The tensors of positions, as given and counted from the front, with the axis of `node` that each indexes. */
  readonly tensors: readonly { readonly axis: number; readonly given: Node; readonly index: Node }[];
}

/** Applies all parts that are views. */
function applyViews(source: Node, parts: readonly IndexPart<Node>[]): Viewed {
  const taken = parts.reduce<number>((sum, part) => sum + axesTaken(part), 0);
  const rank = source.shape.length;
  if (taken > rank)
    throw new RangeError(`index: ${taken} indices for the ${rank} dimensions of ${formatShape(source.shape)}`);
  if (parts.filter((part) => part === '...').length > 1) throw new RangeError("index: '...' may occur only once");
  let node = source;
  let axis = 0;
  const tensors: { axis: number; given: Node; index: Node }[] = [];
  for (const part of parts) {
    if (part === '...') axis += rank - taken;
    else if (part === null) node = unsqueeze(node, axis++);
    else if (typeof part === 'number') node = select(node, axis, part);
    else if (isNode(part)) {
      tensors.push({ axis, given: part, index: fromFront('index', part, nth(node.shape, axis)) });
      axis++;
    } else {
      const { start, end, step } = typeof part === 'string' ? parseSlice(part) : part;
      node = stridedSlice(node, axis++, start, end, step);
    }
  }
  return { node, tensors };
}

interface Table {
  /** [positions, ...rest]: the indexed axes as one, in front. */
  readonly rows: Node;
  /** Positions in `rows`, flat. */
  readonly positions: Node;
  /** The common shape of the tensors of positions. */
  readonly shape: Shape;
  /** The axes that are not indexed. */
  readonly rest: readonly number[];
  /** Where the common shape is in the result. */
  readonly place: number;
}

/** The indexed axes as the first axis of a table of rows. */
function tableOf({ node, tensors }: Viewed): Table {
  const axes = tensors.map(({ axis }) => axis);
  const shape = tensors.map(({ index }) => index.shape).reduce<Shape>((a, b) => broadcastShapes(a, b, 'index'), []);
  const rest = node.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const sizes = axes.map((axis) => nth(node.shape, axis));
  const together = axes.every((axis, k) => k === 0 || axis === nth(axes, k - 1) + 1);
  const positions = tensors
    .map(({ index }, k) => scaled(broadcastTo(index, shape, 'index'), sizeOf(sizes.slice(k + 1))))
    .reduce((a, b) => graph.binary('add', a, b));
  const restSizes = rest.map((axis) => nth(node.shape, axis));
  return {
    rows: graph.reshape(graph.permute(node, [...axes, ...rest]), [sizeOf(sizes), ...restSizes]),
    positions: graph.reshape(positions, [sizeOf(shape)]),
    shape,
    rest,
    place: together ? nth(axes, 0) : 0,
  };
}

/** Makes `node` check the positions that it was computed from. */
function checkPositions(op: string, node: Node, { node: source, tensors }: Viewed): Node {
  for (const { axis, given } of tensors) {
    const size = nth(source.shape, axis);
    checkIndex(node, given, { op, low: -size, high: size });
  }
  return node;
}

/** The order of axes that brings the common shape from the front to its place. */
function orderOf({ shape, rest, place }: Table): number[] {
  const common = shape.map((_, k) => k);
  const others = rest.map((_, k) => shape.length + k);
  return [...others.slice(0, place), ...common, ...others.slice(place)];
}

export function index(source: Node, parts: readonly IndexPart<Node>[]): Node {
  const viewed = applyViews(source, parts);
  if (viewed.tensors.length === 0) return viewed.node;
  const table = tableOf(viewed);
  const sizes = table.rest.map((axis) => nth(viewed.node.shape, axis));
  const shape = [...table.shape, ...sizes];
  if (sizeOf(shape) === 0) return graph.permute(graph.constant(0, shape, source.dtype), orderOf(table));
  const chosen = checkPositions('index', graph.gather(stored(table.rows), table.positions, 0), viewed);
  return graph.permute(graph.reshape(chosen, shape), orderOf(table));
}

/**
 * The tensor with `values`, which broadcast to what `index` would return, at the chosen positions: replaced (the last of several wins), or
 * added. null: all positions of an axis.
 */
export function indexPut(
  source: Node,
  indices: readonly (Node | null)[],
  values: Node,
  { accumulate = false }: { readonly accumulate?: boolean } = {},
): Node {
  if (indices.every((each) => each === null)) throw new RangeError('indexPut: needs at least one tensor of positions');
  if (values.dtype !== source.dtype)
    throw new TypeError(`indexPut: the values are ${values.dtype}, the tensor is ${source.dtype}; cast one of them`);
  const viewed = applyViews(
    source,
    indices.map((each) => each ?? ':'),
  );
  const table = tableOf(viewed);
  const restSizes = table.rows.shape.slice(1);
  const order = orderOf(table);
  const chosen = [...table.shape, ...restSizes];
  const wide = broadcastTo(
    values,
    order.map((axis) => nth(chosen, axis)),
    'indexPut',
  );
  const given = graph.reshape(graph.permute(wide, inverseOf(order)), [sizeOf(table.shape), ...restSizes]);
  if (sizeOf(chosen) === 0) return source;
  const put = checkPositions('indexPut', putRows(table.rows, table.positions, given, accumulate), viewed);
  const axes = [...viewed.tensors.map(({ axis }) => axis), ...table.rest];
  const apart = graph.reshape(
    put,
    axes.map((axis) => nth(source.shape, axis)),
  );
  return graph.permute(apart, inverseOf(axes));
}

/** The permutation that undoes another. */
const inverseOf = (order: readonly number[]): number[] => order.map((_, k) => order.indexOf(k));
