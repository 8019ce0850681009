/** Counting elements by value: in bins between edges, and by whole numbers. */

import * as graph from '../graph/graph.ts';
import type { Node } from '../graph/node.ts';
import { isFloat } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { formatShape, sizeOf } from '../kernel/shape.ts';
import { lastRange, lastSize } from './along.ts';
import { eq, ge, le, where } from './comparison.ts';
import { add, div, floor, mul, sub } from './elementwise.ts';
import { constantLike } from './operand.ts';
import { asIndex } from './positions.ts';
import { max, min, sum } from './reductions.ts';
import { searchsorted } from './sorting.ts';

const flatten = (node: Node): Node => graph.reshape(node, [sizeOf(node.shape)]);

/** The sums of the weights of each bin; elements that are in none have weight 0. */
function sumByBin(bin: Node, inside: Node, weights: Node, bins: number): Node {
  const valid = graph.where(inside, bin, constantLike(0, bin));
  return graph.scatterAdd(graph.where(inside, weights, constantLike(0, weights)), valid, 0, bins);
}

function checkBins(op: string, bins: number): void {
  if (!Number.isInteger(bins) || bins < 1)
    throw new RangeError(`${op}: the number of bins must be a whole number of at least 1, got ${bins}`);
}

/** The bounds: as given, or of the data where both are equal; moved apart by `margin` where all is equal. Scalars of x's dtype. */
function boundsOf(op: string, x: Node, low: number, high: number, margin: number): [Node, Node] {
  if (!(Number.isFinite(low) && Number.isFinite(high) && low <= high))
    throw new RangeError(`${op}: needs finite bounds min <= max, got ${low} and ${high}`);
  if (low !== high) return [graph.constant(low, [], x.dtype), graph.constant(high, [], x.dtype)];
  const fromData = sizeOf(x.shape) > 0 && low === 0;
  const [a, b] = fromData
    ? [graph.detach(min(x)), graph.detach(max(x))]
    : [graph.constant(low, [], x.dtype), graph.constant(high, [], x.dtype)];
  const equal = eq(a, b);
  return [where(equal, sub(a, margin), a), where(equal, add(b, margin), b)];
}

/** [bins]: how many elements are in each of `bins` equal bins from `min` to `max`; the last bin includes its end. */
export function histc(source: Node, bins = 100, low = 0, high = 0): Node {
  checkBins('histc', bins);
  if (!isFloat(source.dtype))
    throw new RangeError(
      `histc: needs floating-point numbers, got ${source.dtype} ${formatShape(source.shape)}; cast first`,
    );
  const x = graph.detach(flatten(source));
  if (lastSize(x) === 0) return graph.constant(0, [bins], source.dtype);
  const [from, to] = boundsOf('histc', x, low, high, 1);
  const position = floor(div(mul(sub(x, from), bins), sub(to, from)));
  const inside = graph.binary('and', ge(x, from), le(x, to));
  const bin = graph.cast(where(inside, position, 0, x.dtype), 'i32');
  const last = constantLike(bins - 1, bin);
  const clamped = graph.where(graph.binary('lt', last, bin), last, bin);
  return sumByBin(clamped, inside, graph.constant(1, x.shape, x.dtype), bins);
}

/** [bins + 1]: edges at equal distances, counted from the nearer end, so that both ends are exact. */
function edgesBetween(from: Node, to: Node, bins: number): Node {
  const position = graph.iota([bins + 1], 0);
  const step = div(sub(to, from), bins);
  const place = graph.cast(position, from.dtype);
  const rising = add(from, mul(place, step));
  const falling = sub(to, mul(sub(bins, place), step));
  return where(graph.binary('lt', position, constantLike(Math.floor(bins / 2) + 1, position)), rising, falling);
}

export interface HistogramOptions<T> {
  /** The bounds of equal bins. Default: those of the data. */
  readonly range?: readonly [low: number, high: number];
  /** The weight of each element, of its shape. Default: 1. */
  readonly weight?: T;
  /** Divided by the total weight and the width of each bin. */
  readonly density?: boolean;
}

/** `bins`: a number of equal bins, or a vector of ascending edges. The last bin includes its end. */
export function histogram(
  source: Node,
  bins: number | Node,
  { range, weight, density = false }: HistogramOptions<Node> = {},
): { readonly hist: Node; readonly binEdges: Node } {
  if (!isFloat(source.dtype))
    throw new RangeError(
      `histogram: needs floating-point numbers, got ${source.dtype} ${formatShape(source.shape)}; cast first`,
    );
  const x = graph.detach(flatten(source));
  let edges: Node;
  if (typeof bins === 'number') {
    checkBins('histogram', bins);
    const [low, high] = range ?? [0, 0];
    const [from, to] =
      lastSize(x) === 0 && range === undefined
        ? [graph.constant(0, [], x.dtype), graph.constant(1, [], x.dtype)]
        : boundsOf('histogram', x, low, high, 0.5);
    edges = edgesBetween(from, to, bins);
  } else {
    if (bins.shape.length !== 1 || lastSize(bins) < 2)
      throw new RangeError(
        `histogram: the edges must be a vector of at least two numbers, got ${formatShape(bins.shape)}`,
      );
    edges = graph.detach(graph.cast(bins, x.dtype));
  }
  const count = nth(edges.shape, 0) - 1;
  const weights = weight === undefined ? graph.constant(1, x.shape, x.dtype) : flatten(graph.cast(weight, x.dtype));
  if (sizeOf(weights.shape) !== lastSize(x))
    throw new RangeError(
      `histogram: weight ${formatShape(weight?.shape ?? [])} must have the shape ${formatShape(source.shape)}`,
    );
  const end = lastRange(edges, count, count + 1);
  const begin = lastRange(edges, 0, 1);
  const inside = graph.binary('and', ge(x, begin), le(x, end));
  const place = sub(searchsorted(edges, x, { right: true }), 1);
  const last = constantLike(count - 1, place);
  const bin = graph.where(graph.binary('lt', last, place), last, place);
  const sums = lastSize(x) === 0 ? graph.constant(0, [count], x.dtype) : sumByBin(bin, inside, weights, count);
  if (!density) return { hist: sums, binEdges: edges };
  const widths = sub(lastRange(edges, 1, count + 1), lastRange(edges, 0, count));
  return { hist: div(sums, mul(sum(sums), widths)), binEdges: edges };
}

/** [length]: how often each whole number from 0 to before `length` occurs, or the sums of the weights at its places. */
export function bincount(source: Node, length: number, weights?: Node): Node {
  if (source.shape.length !== 1)
    throw new RangeError(`bincount: needs a vector of whole numbers, got ${formatShape(source.shape)}`);
  const index = asIndex('bincount', source);
  if (weights === undefined) return graph.scatterAdd(graph.constant(1, index.shape, 'i32'), index, 0, length);
  if (formatShape(weights.shape) !== formatShape(source.shape))
    throw new RangeError(
      `bincount: weights ${formatShape(weights.shape)} must have the shape ${formatShape(source.shape)}`,
    );
  const values = isFloat(weights.dtype) ? weights : graph.cast(weights, 'f64');
  return graph.scatterAdd(values, index, 0, length);
}

/** For each value, how many boundaries are smaller (with `right`: not larger). */
export function bucketize(source: Node, boundaries: Node, options: { readonly right?: boolean } = {}): Node {
  if (boundaries.shape.length !== 1)
    throw new RangeError(`bucketize: the boundaries must be a vector, got ${formatShape(boundaries.shape)}`);
  return searchsorted(boundaries, source, options);
}
