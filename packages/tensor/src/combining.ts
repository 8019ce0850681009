/** Functions that join tensors, make tensors of positions and grids, and compare sets of vectors. */

import { type RandomOptions, rand, randn, type TensorOptions, tensor } from './functions.ts';
import * as graph from './graph/graph.ts';
import type { Node } from './graph/node.ts';
import { isFloat } from './kernel/dtype.ts';
import type { Shape } from './kernel/shape.ts';
import { nodeOf } from './methods/tensor-base.ts';
import type { CovarianceOptions } from './ops/distances.ts';
import * as ops from './ops/index.ts';
import type { MeshIndexing } from './ops/joining.ts';
import type { TensordotAxes } from './ops/products.ts';
import { Tensor } from './tensor.ts';

const wrap = (node: Node): Tensor => Tensor.fromNode(node);
const nodes = (op: string, tensors: readonly Tensor[]): Node[] =>
  tensors.map((each, k) => nodeOf(each, `${op}: tensor ${k}`));

/** Tensors along the second axis; vectors one after the other. */
export const hstack = (tensors: readonly Tensor[]): Tensor => wrap(ops.hstack(nodes('hstack', tensors)));

/** Tensors along the first axis; vectors are rows. */
export const vstack = (tensors: readonly Tensor[]): Tensor => wrap(ops.vstack(nodes('vstack', tensors)));

/** Tensors along the third axis, which matrices, vectors and scalars get first. */
export const dstack = (tensors: readonly Tensor[]): Tensor => wrap(ops.dstack(nodes('dstack', tensors)));

/** Tensors along the second axis; vectors are columns. */
export const columnStack = (tensors: readonly Tensor[]): Tensor => wrap(ops.columnStack(nodes('columnStack', tensors)));

/** Matrices along the diagonal of a larger one, 0 elsewhere. Vectors are rows, scalars matrices of one element. */
export const blockDiag = (...tensors: readonly Tensor[]): Tensor => wrap(ops.blockDiag(nodes('blockDiag', tensors)));

/** All tensors in the shape that they broadcast to. */
export const broadcastTensors = (...tensors: readonly Tensor[]): Tensor[] =>
  ops.broadcastTensors(nodes('broadcastTensors', tensors)).map(wrap);

/** A scalar as a vector of one element; other tensors as they are. */
export const atleast1d = (source: Tensor): Tensor => wrap(ops.atLeast(nodeOf(source, 'atleast1d'), 1));

/** A scalar or a vector as a matrix of one row; other tensors as they are. */
export const atleast2d = (source: Tensor): Tensor => wrap(ops.atLeast(nodeOf(source, 'atleast2d'), 2));

/** With three axes at least: a vector [n] becomes [1, n, 1], a matrix [m, n] becomes [m, n, 1]. */
export const atleast3d = (source: Tensor): Tensor => wrap(ops.atLeast(nodeOf(source, 'atleast3d'), 3));

/**
 * For each vector, a tensor over the grid of all vectors with its coordinate. `indexing` 'ij' (default): [n0, n1, ...] in the order of the
 * vectors; 'xy': the first two axes exchanged.
 */
export const meshgrid = (tensors: readonly Tensor[], options: { readonly indexing?: MeshIndexing } = {}): Tensor[] =>
  ops.meshgrid(nodes('meshgrid', tensors), options.indexing).map(wrap);

/** [count, vectors]: all combinations of one element of each vector, the last one changing fastest. Of one vector, the vector. */
export const cartesianProd = (...tensors: readonly Tensor[]): Tensor =>
  wrap(ops.cartesianProd(nodes('cartesianProd', tensors)));

/** [count, r]: all choices of `r` elements of a vector, in the order of their positions, without (or with) choosing one twice. */
export function combinations(
  source: Tensor,
  r = 2,
  { withReplacement = false }: { readonly withReplacement?: boolean } = {},
): Tensor {
  const positions = ops.combinationPositions(nodeOf(source, 'combinations'), r, withReplacement);
  if (positions.length === 0 || r === 0)
    return wrap(graph.constant(0, [r === 0 ? 0 : positions.length, r === 0 ? 0 : r], source.dtype));
  const index = tensor(Int32Array.from(positions.flat()), { shape: [positions.length, r] });
  return wrap(ops.take(nodeOf(source, 'combinations'), index.node));
}

/** [2, count], i32: the rows and columns of the elements at and below a diagonal (moved up by `offset`), row by row. */
export const trilIndices = (rows: number, columns: number, offset = 0): Tensor =>
  wrap(ops.triangleIndices('trilIndices', rows, columns, offset, true));

/** [2, count], i32: the rows and columns of the elements at and above a diagonal (moved up by `offset`), row by row. */
export const triuIndices = (rows: number, columns: number, offset = 0): Tensor =>
  wrap(ops.triangleIndices('triuIndices', rows, columns, offset, false));

/** [n, columns]: powers of a vector, from the highest to 0 (or ascending). Square by default. */
export function vander(
  source: Tensor,
  columns?: number,
  { increasing = false }: { readonly increasing?: boolean } = {},
): Tensor {
  if (source.ndim !== 1) throw new RangeError(`vander: needs a vector, got [${source.shape.join(', ')}]`);
  const count = columns ?? source.size;
  if (!Number.isInteger(count) || count < 0)
    throw new RangeError(`vander: the number of columns must be a whole number of at least 0, got ${count}`);
  return wrap(ops.vander(nodeOf(source, 'vander'), count, increasing));
}

/** base^start to base^end in `steps` numbers at equal ratios. */
export const logspace = (
  start: number,
  end: number,
  steps: number,
  { base = 10, dtype = 'f32', requiresGrad = false }: TensorOptions & { readonly base?: number } = {},
): Tensor => {
  if (!Number.isInteger(steps) || steps < 0)
    throw new RangeError(`logspace: steps must be a whole number of at least 0, got ${steps}`);
  const step = steps > 1 ? (end - start) / (steps - 1) : 0;
  const values = Float64Array.from(
    { length: steps },
    (_, k) => base ** (k === steps - 1 && k > 0 ? end : start + step * k),
  );
  return tensor(values, { shape: [steps], dtype, requiresGrad });
};

// Products and distances

/** Sums of products over the last `axes` of `a` and the first of `b` (default 2), or over the listed axes of either. */
export const tensordot = (a: Tensor, b: Tensor, axes?: TensordotAxes): Tensor =>
  wrap(ops.tensordot(nodeOf(a, 'tensordot'), nodeOf(b, 'tensordot'), axes));

/** The product of matrices in the order with the fewest multiplications. */
export const chainMatmul = (...matrices: readonly Tensor[]): Tensor =>
  wrap(ops.multiDot(nodes('chainMatmul', matrices)));

/** The distances of order `p` of all pairs of vectors: [..., n, d], [..., m, d] -> [..., n, m]. Leading axes broadcast. */
export const cdist = (a: Tensor, b: Tensor, p = 2): Tensor =>
  wrap(ops.cdist(nodeOf(a, 'cdist'), nodeOf(b, 'cdist'), p));

/** The distances of order `p` of all pairs of rows i < j: [n, d] -> [n (n - 1) / 2]. */
export const pdist = (source: Tensor, p = 2): Tensor => wrap(ops.pdist(nodeOf(source, 'pdist'), p));

/** The covariances of variables: [variables, observations] -> [variables, variables]; of a single variable, its variance, []. */
export const cov = (source: Tensor, { correction, fweights, aweights }: CovarianceOptions<Tensor> = {}): Tensor =>
  wrap(
    ops.cov(nodeOf(source, 'cov'), {
      ...(correction === undefined ? {} : { correction }),
      ...(fweights === undefined ? {} : { fweights: fweights.node }),
      ...(aweights === undefined ? {} : { aweights: aweights.node }),
    }),
  );

/** The distance of order `p` between two tensors, which broadcast: the norm of their difference. */
export const dist = (a: Tensor, b: Tensor, p = 2): Tensor =>
  wrap(ops.norms.vectorNorm(ops.sub(nodeOf(a, 'dist'), nodeOf(b, 'dist')), p));

/** Pearson's correlations of variables: [variables, observations] -> [variables, variables], between -1 and 1. */
export const corrcoef = (source: Tensor): Tensor => wrap(ops.corrcoef(nodeOf(source, 'corrcoef')));

// Random numbers

const likeOptions = (like: Tensor, options: RandomOptions): RandomOptions => ({
  ...(isFloat(like.dtype) ? { dtype: like.dtype } : {}),
  ...options,
});

/** Uniform in [0, 1), of the shape and dtype of `like` (f32 for integers). */
export const randLike = (like: Tensor, options: RandomOptions = {}): Tensor =>
  rand(like.shape, likeOptions(like, options));

/** Normally distributed, of the shape and dtype of `like` (f32 for integers). */
export const randnLike = (like: Tensor, options: RandomOptions = {}): Tensor =>
  randn(like.shape, likeOptions(like, options));

/** The numbers from 0 to before `n` in a random order, i32. Numbers of equal random bits, of 2^24, keep their order. */
export function randperm(n: number, options: RandomOptions = {}): Tensor {
  if (!Number.isInteger(n) || n < 0) throw new RangeError(`randperm: n must be a whole number of at least 0, got ${n}`);
  const { dtype = 'i32', requiresGrad, ...rest } = options;
  const order = rand([n], rest).argsort(0).cast(dtype);
  if (requiresGrad) order.requiresGrad = true;
  return order;
}

/**
 * [..., count], i32: positions drawn from the last axis of `weights` ([n] or [rows, n], not negative) with probabilities in proportion to
 * them. Without replacement by the largest of log(weight) + Gumbel noise (Efraimidis and Spirakis, 2006): `count` is then at most the
 * number of weights above 0; positions of weight 0 come last.
 */
export function multinomial(
  weights: Tensor,
  count: number,
  {
    replacement = false,
    ...random
  }: { readonly replacement?: boolean } & Pick<RandomOptions, 'generator' | 'backend'> = {},
): Tensor {
  const n = weights.shape.at(-1) ?? 0;
  if (weights.ndim < 1 || weights.ndim > 2 || !isFloat(weights.dtype))
    throw new RangeError(
      `multinomial: needs a floating-point vector or matrix of weights, got ${weights.dtype} [${weights.shape.join(', ')}]`,
    );
  if (!Number.isInteger(count) || count < 1 || (!replacement && count > n))
    throw new RangeError(`multinomial: cannot draw ${count} of ${n} positions without replacement`);
  const rows: Shape = weights.shape.slice(0, -1);
  const p = weights.detach().cast('f32');
  if (!replacement) {
    const exponential = rand(weights.shape, random).neg().add(1).log().neg();
    const keys = wrap(ops.where(p.gt(0).node, exponential.div(p).node, Number.POSITIVE_INFINITY));
    return keys.topk(count, -1, { largest: false }).indices;
  }
  const sums = p.cumsum(-1);
  const total = sums.slice(-1, n - 1);
  const drawn = rand([...rows, count], random).mul(total);
  const place = sums.searchsorted(drawn, { right: true });
  // A number that rounding has moved to the total belongs to the last position with a weight.
  const last = wrap(ops.where(p.gt(0).node, graph.iota(p.shape, p.ndim - 1), 0)).max(-1, true);
  return wrap(ops.minimum(place.node, last.expand(...place.shape).node));
}
