/** Joining tensors, and tensors made of the elements of several. */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { isFloat, promote } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { broadcastShapes, formatShape, sizeOf } from '../kernel/shape.ts';
import { atLeast } from './arranging.ts';
import { mul } from './elementwise.ts';
import { concat, stack } from './indexing.ts';
import { broadcastTo, constantLike } from './operand.ts';

function notEmpty(op: string, sources: readonly Node[]): void {
  if (sources.length === 0) throw new RangeError(`${op}: needs at least one tensor`);
}

/** Along the second axis; vectors one after the other. */
export function hstack(sources: readonly Node[]): Node {
  notEmpty('hstack', sources);
  const wide = sources.map((source) => atLeast(source, 1));
  return concat(wide, nth(wide, 0).shape.length === 1 ? 0 : 1);
}

/** Along the first axis; vectors are rows. */
export function vstack(sources: readonly Node[]): Node {
  notEmpty('vstack', sources);
  return concat(
    sources.map((source) => atLeast(source, 2)),
    0,
  );
}

/** Along the third axis. */
export function dstack(sources: readonly Node[]): Node {
  notEmpty('dstack', sources);
  return concat(
    sources.map((source) => atLeast(source, 3)),
    2,
  );
}

/** Along the second axis; vectors are columns. */
export function columnStack(sources: readonly Node[]): Node {
  notEmpty('columnStack', sources);
  return concat(
    sources.map((source) => (source.shape.length <= 1 ? graph.reshape(source, [sizeOf(source.shape), 1]) : source)),
    1,
  );
}

/** Matrices along the diagonal of a larger one, 0 elsewhere. Vectors are rows, scalars matrices of one element. */
export function blockDiag(sources: readonly Node[]): Node {
  notEmpty('blockDiag', sources);
  const matrices = sources.map((source) => {
    if (source.shape.length > 2)
      throw new RangeError(`blockDiag: needs matrices, vectors or scalars, got ${formatShape(source.shape)}`);
    return atLeast(source, 2);
  });
  const dtype = matrices.map(({ dtype }) => dtype).reduce(promote);
  const columns = matrices.reduce((sum, { shape }) => sum + nth(shape, 1), 0);
  let before = 0;
  const rows = matrices.map((matrix) => {
    const own = nth(matrix.shape, 1);
    const padded = graph.pad(graph.cast(matrix, dtype), [0, before], [0, columns - before - own]);
    before += own;
    return padded;
  });
  return graph.concat(rows, 0);
}

/** All tensors in their common shape. */
export function broadcastTensors(sources: readonly Node[]): Node[] {
  const shape = sources
    .map((source) => source.shape)
    .reduce((a, b) => broadcastShapes(a, b, 'broadcastTensors'), [] as readonly number[]);
  return sources.map((source) => broadcastTo(source, shape, 'broadcastTensors'));
}

export const meshIndexings = ['ij', 'xy'] as const;

/** 'ij': the axes in the order of the vectors. 'xy': the first two exchanged, as for pictures. */
export type MeshIndexing = (typeof meshIndexings)[number];

/** For each vector, a tensor over the grid of all vectors with its coordinate. */
export function meshgrid(sources: readonly Node[], indexing: MeshIndexing = 'ij'): Node[] {
  notEmpty('meshgrid', sources);
  if (!meshIndexings.includes(indexing))
    throw new RangeError(`meshgrid: indexing must be 'ij' or 'xy', got '${String(indexing)}'`);
  const vectors = sources.map((source) => {
    if (source.shape.length > 1)
      throw new RangeError(`meshgrid: needs vectors or scalars, got ${formatShape(source.shape)}`);
    return graph.reshape(source, [sizeOf(source.shape)]);
  });
  const first = nth(vectors, 0);
  for (const { dtype } of vectors)
    if (dtype !== first.dtype)
      throw new TypeError(`meshgrid: dtypes ${first.dtype} and ${dtype} differ; cast one of them`);
  const places = vectors.map((_, k) => k);
  if (indexing === 'xy' && vectors.length >= 2) [places[0], places[1]] = [1, 0];
  const shape = places.map((k) => nth(nth(vectors, k).shape, 0));
  return vectors.map((vector, k) => {
    const own = shape.map((n, axis) => (places[axis] === k ? n : 1));
    return graph.expand(graph.reshape(vector, own), shape);
  });
}

/** [count, vectors]: all combinations of one element of each vector, the last one changing fastest. */
export function cartesianProd(sources: readonly Node[]): Node {
  notEmpty('cartesianProd', sources);
  const [only, ...others] = sources;
  if (others.length === 0 && only !== undefined) return only;
  const grids = meshgrid(sources);
  return stack(
    grids.map((grid) => graph.reshape(grid, [sizeOf(grid.shape)])),
    1,
  );
}

/** The positions of all ways to choose `r` of `n`, in lexicographic order. */
function choices(n: number, r: number, replacement: boolean): number[][] {
  const result: number[][] = [];
  const extend = (chosen: number[], from: number): void => {
    if (chosen.length === r) {
      result.push(chosen);
      return;
    }
    for (let k = from; k < n; k++) extend([...chosen, k], replacement ? k : k + 1);
  };
  extend([], 0);
  return result;
}

/** The positions that `combinations` chooses, for a table of indices: [count, r]. */
export function combinationPositions(source: Node, r: number, replacement: boolean): number[][] {
  if (source.shape.length !== 1) throw new RangeError(`combinations: needs a vector, got ${formatShape(source.shape)}`);
  if (!Number.isInteger(r) || r < 0)
    throw new RangeError(`combinations: r must be a whole number of at least 0, got ${r}`);
  return choices(nth(source.shape, 0), r, replacement);
}

/** [..., n] -> [..., n, count]: the powers of each element, from count - 1 to 0, or ascending. bool and u8 as i32. */
export function vander(source: Node, count: number, increasing: boolean): Node {
  const x = isFloat(source.dtype) ? source : graph.cast(source, 'i32');
  if (count === 0) return graph.constant(0, [...x.shape, 0], x.dtype);
  const powers: Node[] = [constantLike(1, x)];
  for (let k = 1; k < count; k++) powers.push(k === 1 ? x : mul(nth(powers, k - 1), x));
  return stack(increasing ? powers : powers.reverse(), -1);
}
