/**
 * Lowers `fold`, the adjoint of `window`, to other operations. With stride s, dilation d, position p and window index t, an element of the
 * result is
 *
 *     y[i] = sum over all (p, t) with s * p + d * t = i of x[p, t]
 */

import * as graph from '../graph/graph.ts';
import type { ContractSpec, Node, NodeOf, WindowSpec } from '../graph/node.ts';
import { nth } from '../kernel/nth.ts';
import type { Shape } from '../kernel/shape.ts';

const length = (shape: Shape, axis: number): number => nth(shape, axis);

const replaced = (values: readonly number[], axis: number, value: number): number[] =>
  values.map((old, k) => (k === axis ? value : old));

const zeros = (rank: number): number[] => new Array<number>(rank).fill(0);

/** The fold of `source` to `shape`, in the cheapest form that applies. */
export function lowerFold(source: Node, shape: Shape, windows: readonly WindowSpec[]): Node {
  return (
    foldOfTiles(source, shape, windows) ??
    foldOfContraction(source, shape, windows) ??
    foldBySum(source, shape, windows)
  );
}

/** Windows that touch without overlapping (stride = size): the fold is a permutation of the elements. */
function foldOfTiles(source: Node, shape: Shape, windows: readonly WindowSpec[]): Node | null {
  if (windows.some(({ size, stride, dilation }) => stride !== size || dilation !== 1)) return null;
  const rank = shape.length;
  const axes: number[] = [];
  const joined: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    axes.push(axis);
    const w = windows.findIndex((spec) => spec.axis === axis);
    if (w >= 0) axes.push(rank + w);
    joined.push(length(source.shape, axis) * (windows[w]?.size ?? 1));
  }
  const tiled = graph.reshape(graph.permute(source, axes), joined);
  const rest = shape.map((n, axis) => n - nth(joined, axis));
  return graph.pad(tiled, zeros(rank), rest);
}

/**
 * The fold of a contraction whose positions p are free in one operand, a, and whose window index t is free in the other, b, is one
 * contraction. For dilation 1 write i = s * q + r with 0 <= r < s and t = r + s * u; then p = q - u, and
 *
 *     y[s * q + r] = sum over u (and all that was summed before) of a[q - u] * b[r + s * u]
 *
 * where a and b are 0 outside of their range. For stride 1 and any dilation, i = p + d * t and
 *
 *     y[i] = sum over t of a[i - d * t] * b[t].
 *
 * Neither form stores zeros or a column buffer. The input gradient of a convolution has this form.
 */
function foldOfContraction(source: Node, shape: Shape, windows: readonly WindowSpec[]): Node | null {
  const found = underPermutation(source);
  if (found === null) return null;
  const { node: product, labels } = found;
  const rank = shape.length;
  const spec = product.arg;
  let a = nth(product.sources, 0);
  let b = nth(product.sources, 1);
  let aLabels = [...spec.a];
  let bLabels = [...spec.b];
  // `a` is the operand with all positions.
  const positions = windows.map(({ axis }) => nth(labels, axis));
  const offsets = windows.map((_, w) => nth(labels, rank + w));
  if (positions.every((label) => bLabels.includes(label) && !aLabels.includes(label))) {
    [a, b] = [b, a];
    [aLabels, bLabels] = [bLabels, aLabels];
  }
  const separated =
    positions.every((label) => aLabels.includes(label) && !bLabels.includes(label)) &&
    offsets.every((label) => bLabels.includes(label) && !aLabels.includes(label));
  if (!separated || windows.some(({ stride, dilation }) => stride > 1 && dilation > 1)) return null;

  let fresh = Math.max(...aLabels, ...bLabels) + 1;
  const outLabels = labels.slice(0, rank);
  const outShape = [...shape];
  windows.forEach(({ axis, size, stride, dilation }, w) => {
    const position = nth(positions, w);
    const offset = nth(offsets, w);
    const remainder = fresh++;
    const step = fresh++;
    const steps = Math.ceil(size / stride);
    const blocks = Math.ceil(length(shape, axis) / stride);
    const aAxis = aLabels.indexOf(position);
    const reach = dilation * (steps - 1);
    // a[q - d * u]: reach zeros in front, then a window over the axis, read backwards.
    const before = replaced(zeros(a.shape.length), aAxis, reach);
    const after = replaced(zeros(a.shape.length), aAxis, blocks - length(a.shape, aAxis));
    const sliding = [{ axis: aAxis, size: steps, stride: 1, dilation }];
    a = graph.flip(graph.window(graph.pad(a, before, after), sliding), [a.shape.length]);
    aLabels.push(step);
    // b[r + s * u]
    const bAxis = bLabels.indexOf(offset);
    const missing = replaced(zeros(b.shape.length), bAxis, steps * stride - size);
    const split = [...b.shape.slice(0, bAxis), steps, stride, ...b.shape.slice(bAxis + 1)];
    b = graph.reshape(graph.pad(b, zeros(b.shape.length), missing), split);
    bLabels.splice(bAxis, 1, step, remainder);
    outLabels.splice(outLabels.indexOf(position) + 1, 0, remainder);
    outShape[axis] = blocks * stride;
  });
  const result = graph.contract(a, b, { a: aLabels, b: bLabels, out: outLabels });
  return graph.shrink(graph.reshape(result, outShape), zeros(rank), shape);
}

/** The contraction below permutations, with the label of each axis of `node`; null if there is none. */
function underPermutation(node: Node): { node: NodeOf<'contract'>; labels: readonly number[] } | null {
  if (node.op === 'permute') {
    const inner = underPermutation(nth(node.sources, 0));
    return inner && { node: inner.node, labels: node.arg.axes.map((axis) => nth(inner.labels, axis)) };
  }
  if (node.op !== 'contract') return null;
  const spec: ContractSpec = node.arg;
  return { node: node, labels: spec.out };
}

/**
 * Any fold: one term for each window index t. With i = s * q + r, the elements x[., t] are added at r = (d * t) mod s and
 * q = p + floor(d * t / s), which is a padded view in the space of (q, r).
 */
function foldBySum(source: Node, shape: Shape, windows: readonly WindowSpec[]): Node {
  const rank = shape.length;
  const axisOf = new Map(windows.map((spec, w) => [spec.axis, { ...spec, w }]));
  const blocksOf = (axis: number, stride: number): number => Math.ceil(length(shape, axis) / stride);
  let total: Node | null = null;
  const indices = windows.reduce<number[][]>(
    (all, { size }) => all.flatMap((head) => Array.from({ length: size }, (_, t) => [...head, t])),
    [[]],
  );
  for (const index of indices) {
    const start = [...zeros(rank), ...index];
    const end = [...source.shape.slice(0, rank), ...index.map((t) => t + 1)];
    // One axis (positions) becomes two: blocks q and remainder r.
    const spread: number[] = [];
    const before: number[] = [];
    const after: number[] = [];
    for (let axis = 0; axis < rank; axis++) {
      const count = length(source.shape, axis);
      const windowed = axisOf.get(axis);
      spread.push(count);
      if (windowed === undefined) {
        before.push(0);
        after.push(0);
        continue;
      }
      const at = windowed.dilation * nth(index, windowed.w);
      const remainder = at % windowed.stride;
      const shift = (at - remainder) / windowed.stride;
      spread.push(1);
      before.push(shift, remainder);
      after.push(blocksOf(axis, windowed.stride) - count - shift, windowed.stride - 1 - remainder);
    }
    const term = graph.pad(graph.reshape(graph.shrink(source, start, end), spread), before, after);
    total = total === null ? term : graph.binary('add', total, term);
  }
  const joined = shape.map((n, axis) => {
    const windowed = axisOf.get(axis);
    return windowed === undefined ? n : blocksOf(axis, windowed.stride) * windowed.stride;
  });
  return graph.shrink(graph.reshape(total as Node, joined), zeros(rank), shape);
}
