/** Derivatives of the tensor functions that rearrange, select, accumulate and decompose, against central differences. */
import {
  blockDiag,
  cdist,
  chainMatmul,
  concat,
  corrcoef,
  cov,
  dist,
  einsum,
  eye,
  hstack,
  linalg,
  meshgrid,
  pdist,
  stack,
  type Tensor,
  tensordot,
  vander,
} from '@tessera/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { grad } from './grad.ts';
import { gradcheck, gradgradcheck } from './gradcheck.ts';
import { distinct, indices, normal, positive, useTestBackend } from './testing/inputs.ts';

beforeAll(useTestBackend);

interface Checked {
  readonly name: string;
  readonly inputs: () => Tensor[];
  readonly fn: (...inputs: Tensor[]) => Tensor | readonly Tensor[];
}

/** Square matrices that are far from singular. */
const regular = (shape: readonly number[], seed: number): Tensor => {
  const n = shape.at(-1) as number;
  const large = normal([n], seed, () => 3).diag();
  return normal(shape, seed).add(large).detach();
};

const index = (): Tensor => indices([0, 2, 1, 0, 2, 2, 0, 1], [2, 4]);
const inTwo = (): Tensor[] => [normal([3, 4], 1), normal([2, 4], 2)];

const functions: readonly Checked[] = [
  { name: 'sort', inputs: () => [distinct([3, 5], 1)], fn: (x) => x.sort(0).values },
  { name: 'sort, descending', inputs: () => [distinct([3, 5], 2)], fn: (x) => x.sort(-1, { descending: true }).values },
  { name: 'topk', inputs: () => [distinct([3, 5], 3)], fn: (x) => x.topk(2).values.square() },
  { name: 'kthvalue', inputs: () => [distinct([3, 5], 4)], fn: (x) => x.kthvalue(2, 0).values.square() },
  { name: 'median', inputs: () => [distinct([9], 5)], fn: (x) => x.median().square() },
  { name: 'median along an axis', inputs: () => [distinct([3, 5], 6)], fn: (x) => x.median(1).values },
  { name: 'quantile', inputs: () => [distinct([3, 5], 7)], fn: (x) => x.quantile([0.1, 0.6], 1).square() },
  { name: 'nanquantile', inputs: () => [distinct([3, 5], 8)], fn: (x) => x.nanquantile(0.3) },
  { name: 'cumsum', inputs: () => [normal([2, 70], 9)], fn: (x) => x.cumsum(1).square() },
  { name: 'cumprod', inputs: () => [normal([6, 2], 10)], fn: (x) => x.cumprod(0) },
  { name: 'cumprod of a long row', inputs: () => [normal([70], 11, (x) => 1 + 0.1 * x)], fn: (x) => x.cumprod(0) },
  { name: 'logcumsumexp', inputs: () => [normal([2, 70], 12)], fn: (x) => x.logcumsumexp(1) },
  { name: 'cummax', inputs: () => [distinct([3, 5], 13)], fn: (x) => x.cummax(1).values.square() },
  { name: 'cummin', inputs: () => [distinct([3, 5], 14)], fn: (x) => x.cummin(0).values.square() },
  { name: 'diff', inputs: () => [normal([3, 5], 15)], fn: (x) => x.diff(2).square() },
  { name: 'scatter', inputs: inTwo, fn: (x, v) => x.scatter(0, indices([0, 2, 1, 0, 2, 1, 0, 1], [2, 4]), v).square() },
  { name: 'scatter of a number', inputs: () => [normal([3, 4], 1)], fn: (x) => x.scatter(0, index(), 2).square() },
  { name: 'scatterAdd', inputs: inTwo, fn: (x, v) => x.scatterAdd(0, index(), v).square() },
  ...(['sum', 'prod', 'mean', 'amax', 'amin'] as const).flatMap((kind) =>
    [true, false].map((includeSelf) => ({
      name: `scatterReduce ${kind}${includeSelf ? '' : ' without self'}`,
      inputs: () => [distinct([3, 4], 16), distinct([2, 4], 17).mul(1.7).detach()],
      fn: (x: Tensor, v: Tensor) => x.scatterReduce(0, index(), v, kind, { includeSelf }).square(),
    })),
  ),
  {
    name: 'gather',
    inputs: () => [normal([3, 4], 18)],
    fn: (x) => x.gather(0, indices([2, 0, 1, 1], [2, 2])).square(),
  },
  {
    name: 'takeAlongAxis from the end',
    inputs: () => [normal([3, 2], 19)],
    fn: (x) => x.takeAlongAxis(0, indices([-1, 0], [1, 2])),
  },
  { name: 'take', inputs: () => [normal([3, 4], 20)], fn: (x) => x.take(indices([0, -1, 5, 5])).square() },
  {
    name: 'indexAdd',
    inputs: () => [normal([3, 4], 21), normal([2, 4], 22)],
    fn: (x, v) => x.indexAdd(0, indices([2, 2]), v, { alpha: 3 }).square(),
  },
  {
    name: 'indexCopy',
    inputs: () => [normal([3, 4], 23), normal([2, 4], 24)],
    fn: (x, v) => x.indexCopy(0, indices([2, 0]), v).square(),
  },
  { name: 'indexFill', inputs: () => [normal([3, 4], 25)], fn: (x) => x.indexFill(1, indices([1, 3]), 2).square() },
  {
    name: 'indexPut',
    inputs: () => [normal([3, 4], 26), normal([2, 4], 27)],
    fn: (x, v) => x.indexPut([indices([2, 0])], v).square(),
  },
  {
    name: 'indexPut at positions apart',
    inputs: () => [normal([3, 4, 2], 98), normal([2, 4], 99)],
    fn: (x, v) => x.indexPut([indices([2, 0]), null, indices([1, 1])], v).square(),
  },
  {
    name: 'indexPut, accumulated',
    inputs: () => [normal([3, 4], 28), normal([3], 29)],
    fn: (x, v) => x.indexPut([indices([2, 0, 2]), indices([1, 1, 1])], v, { accumulate: true }).square(),
  },
  { name: 'maskedFill', inputs: () => [distinct([3, 4], 30)], fn: (x) => x.maskedFill(x.gt(0), 3).square() },
  {
    name: 'maskedScatter',
    inputs: () => [normal([3, 4], 31), normal([12], 32)],
    fn: (x, v) => x.maskedScatter(index().ne(0).slice(0, 0, 1), v).square(),
  },
  { name: 'maskedSelect', inputs: () => [distinct([3, 4], 33)], fn: (x) => x.maskedSelectSync(x.gt(0)).square() },
  { name: 'unique', inputs: () => [distinct([5], 34)], fn: (x) => x.uniqueSync().values.square() },
  {
    name: 'index',
    inputs: () => [normal([3, 4, 2], 35)],
    fn: (x) => x.index(indices([2, 0, 2]), '1::2', null, [1, 0, 0]).square(),
  },
  { name: 'slice with a step', inputs: () => [normal([7, 2], 36)], fn: (x) => x.slice(0, 1, 7, 3).square() },
  { name: 'roll', inputs: () => [normal([3, 4], 37)], fn: (x) => x.roll([1, -2], [0, 1]).mul(x) },
  { name: 'rot90', inputs: () => [normal([3, 3], 38)], fn: (x) => x.rot90().mul(x) },
  {
    name: 'repeatInterleave',
    inputs: () => [normal([3, 2], 39)],
    fn: (x) => x.repeatInterleave([2, 0, 3], 0).square(),
  },
  { name: 'unfold', inputs: () => [normal([7], 40)], fn: (x) => x.unfold(0, 3, 2).square() },
  { name: 'diagonal', inputs: () => [normal([3, 5, 2], 41)], fn: (x) => x.diagonal(1, 0, 1).square() },
  { name: 'diagEmbed', inputs: () => [normal([2, 3], 42)], fn: (x) => x.diagEmbed(-1).square() },
  { name: 'trace', inputs: () => [normal([3, 4], 43)], fn: (x) => x.trace().square() },
  {
    name: 'hstack and blockDiag',
    inputs: () => [normal([3, 2], 44), normal([3, 1], 45)],
    fn: (x, y) => [hstack([x, y]).square(), blockDiag(x, y).square()],
  },
  {
    name: 'meshgrid',
    inputs: () => [normal([3], 46), normal([2], 47)],
    fn: (x, y) => concat(meshgrid([x, y])).square(),
  },
  { name: 'vander', inputs: () => [normal([4], 48)], fn: (x) => vander(x) },
  {
    name: 'addmm',
    inputs: () => [normal([4], 49), normal([3, 2], 50), normal([2, 4], 51)],
    fn: (x, a, b) => x.addmm(a, b, { beta: 0.5, alpha: 2 }),
  },
  {
    name: 'inner, outer, kron',
    inputs: () => [normal([2, 3], 52), normal([4, 3], 53)],
    fn: (x, y) => [x.inner(y), x.kron(y), x.select(0, 0).cross(y.select(0, 1))],
  },
  {
    name: 'tensordot',
    inputs: () => [normal([2, 3, 4], 54), normal([4, 2, 5], 55)],
    fn: (x, y) =>
      tensordot(x, y, [
        [2, 0],
        [0, 1],
      ]),
  },
  {
    name: 'chainMatmul',
    inputs: () => [normal([2, 3], 56), normal([3, 4], 57), normal([4, 2], 58)],
    fn: (x, y, z) => chainMatmul(x, y, z),
  },
  {
    name: 'einsum with diagonals',
    inputs: () => [normal([3, 3], 59), normal([2, 3, 4], 60)],
    fn: (x, y) => einsum('ii,...ij->...j', x, y),
  },
  {
    name: 'einsum of three',
    inputs: () => [normal([2, 3], 61), normal([3, 4], 62), normal([4, 2], 63)],
    fn: (x, y, z) => einsum('ij,jk,ki->i', x, y, z),
  },
  ...[1, 2, 3, 1.5, Number.POSITIVE_INFINITY].map((p) => ({
    name: `cdist of order ${p}`,
    inputs: () => [normal([3, 4], 64), normal([2, 4], 65)],
    fn: (x: Tensor, y: Tensor) => cdist(x, y, p),
  })),
  { name: 'pdist', inputs: () => [normal([4, 3], 66)], fn: (x) => pdist(x, 3) },
  { name: 'dist', inputs: () => [normal([4, 3], 67), normal([3], 68)], fn: (x, y) => dist(x, y, 3) },
  { name: 'cov', inputs: () => [normal([3, 5], 69)], fn: (x) => cov(x) },
  {
    name: 'cov with weights',
    inputs: () => [normal([3, 4], 70), normal([4], 71, positive)],
    fn: (x, w) => cov(x, { aweights: w, fweights: indices([1, 2, 0, 3]) }),
  },
  { name: 'corrcoef', inputs: () => [normal([3, 5], 72)], fn: (x) => corrcoef(x) },
  { name: 'prod', inputs: () => [normal([3, 11], 73)], fn: (x) => x.prod(1) },
  {
    name: 'prod with a zero',
    inputs: () => [
      normal([5], 74)
        .mul(indices([1, 1, 0, 1, 1]).cast('f64'))
        .detach(),
    ],
    fn: (x) => x.prod(),
  },
  {
    name: 'cumprod with a zero',
    inputs: () => [
      normal([5], 74)
        .mul(indices([1, 1, 0, 1, 1]).cast('f64'))
        .detach(),
    ],
    fn: (x) => x.cumprod(0),
  },
  {
    name: 'nansum and nanmean',
    inputs: () => [normal([3, 4], 75)],
    fn: (x) => [x.nansum(0).square(), x.nanmean(1).square()],
  },
  ...[0.5, 1, 1.5, 2, 3, -1, -2, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((order) => ({
    name: `vectorNorm of order ${order}`,
    // No two have the same magnitude.
    inputs: () => [distinct([3, 4], 76).add(0.02).detach()],
    fn: (x: Tensor) => linalg.vectorNorm(x, order, 1).square(),
  })),
  ...(['fro', 'nuc', 1, -1, 2, -2, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] as const).map((order) => ({
    name: `matrixNorm of order ${order}`,
    inputs: () => [normal([2, 3, 4], 77)],
    fn: (x: Tensor) => linalg.matrixNorm(x, order),
  })),
  { name: 'renorm', inputs: () => [normal([3, 4], 78)], fn: (x) => x.renorm(2, 0, 1.5) },
  {
    name: 'cholesky',
    inputs: () => [normal([2, 4, 4], 79)],
    fn: (x) => linalg.cholesky(x.matmul(x.transpose()).add(eye(4, 4, { dtype: 'f64' }))),
  },
  {
    name: 'qr',
    inputs: () => [normal([2, 5, 3], 81)],
    fn: (x) => {
      const { q, r } = linalg.qr(x);
      return [q, r];
    },
  },
  {
    name: 'qr of a wide matrix',
    inputs: () => [normal([3, 5], 82)],
    fn: (x) => {
      const { q, r } = linalg.qr(x);
      return [q, r];
    },
  },
  { name: 'solve', inputs: () => [regular([4, 4], 83), normal([4, 2], 84)], fn: (a, b) => linalg.solve(a, b) },
  {
    name: 'solve from the right',
    inputs: () => [regular([4, 4], 85), normal([2, 4], 86)],
    fn: (a, b) => linalg.solve(a, b, { left: false }),
  },
  {
    name: 'solveTriangular',
    inputs: () => [regular([5, 5], 87), normal([5, 2], 88)],
    fn: (a, b) => [
      linalg.solveTriangular(a, b, { upper: true }),
      linalg.solveTriangular(a, b.transpose(), { upper: false, left: false, unitriangular: true }),
    ],
  },
  { name: 'inv', inputs: () => [regular([2, 4, 4], 89)], fn: (x) => linalg.inv(x) },
  ...[1, 2, 3, 5].map((n) => ({
    name: `det of ${n} rows`,
    inputs: () => [normal([2, n, n], 90)],
    fn: (x: Tensor) => linalg.det(x),
  })),
  { name: 'slogdet', inputs: () => [normal([4, 4], 91)], fn: (x) => linalg.slogdet(x).logabsdet },
  {
    name: 'matrixPower',
    inputs: () => [regular([3, 3], 92)],
    fn: (x) => [linalg.matrixPower(x, 3), linalg.matrixPower(x, -2)],
  },
  {
    name: 'svd',
    inputs: () => [normal([4, 3], 93)],
    fn: (x) => {
      const { u, s, vh } = linalg.svd(x);
      return [u.unsqueeze(-1).mul(vh).sum(1), s];
    },
  },
  { name: 'pinv', inputs: () => [normal([4, 3], 94)], fn: (x) => linalg.pinv(x) },
  {
    name: 'eigh',
    inputs: () => [normal([4, 4], 95)],
    fn: (x) => {
      const { eigenvalues, eigenvectors } = linalg.eigh(x.add(x.transpose()));
      return [eigenvalues, eigenvectors.square()];
    },
  },
  { name: 'lstsq', inputs: () => [normal([5, 3], 96), normal([5, 2], 97)], fn: (a, b) => linalg.lstsq(a, b) },
];

describe.each(functions)('$name', ({ inputs, fn }) => {
  it('has the gradient of its differences', async () => {
    expect((await gradcheck(fn, inputs())).comparisons).toBeGreaterThan(0);
  });

  it('has the second derivative of its differences', async () => {
    expect((await gradgradcheck(fn, inputs())).comparisons).toBeGreaterThan(0);
  });
});

describe("PyTorch's conventions where there is no derivative", () => {
  const gradientOf = (f: (x: Tensor) => Tensor, x: Tensor): unknown => {
    x.requiresGrad = true;
    return (grad(f(x).sum(), [x])[0] as Tensor).toArraySync();
  };
  const zeros = (): Tensor => normal([2], 1, () => 0);

  it.each([0.5, 1, 1.5, 2, 3])('the norm of order %s has the gradient 0 at 0', (order) => {
    expect(gradientOf((x) => linalg.vectorNorm(x, order), zeros())).toEqual([0, 0]);
  });

  it('distances of equal vectors have the gradient 0', () => {
    expect(gradientOf((x) => cdist(x.unsqueeze(0), zeros().unsqueeze(0)), zeros())).toEqual([0, 0]);
  });

  it('the median of all shares its gradient among equal elements', () => {
    expect(
      gradientOf(
        (x) => x.median(),
        normal([4], 1, () => 2),
      ),
    ).toEqual([0.25, 0.25, 0.25, 0.25]);
  });

  it('scatterReduce amax shares its gradient among equal elements, the one that was there included', () => {
    const values = normal([2], 1, () => 2);
    expect(
      gradientOf(
        (x) => x.scatterReduce(0, indices([0, 0]), values, 'amax'),
        normal([2], 1, () => 2),
      ),
    ).toEqual([1 / 3, 1]);
  });

  it('of several values for one position, only the last gets a gradient', () => {
    expect(gradientOf((v) => zeros().scatter(0, indices([1, 1]), v), normal([2], 1))).toEqual([0, 1]);
    expect(gradientOf((v) => zeros().indexCopy(0, indices([0, 0]), v), normal([2], 1))).toEqual([0, 1]);
  });

  it('the norm of order 0 has the gradient 0', () => {
    expect(gradientOf((x) => linalg.vectorNorm(x, 0), normal([2], 1))).toEqual([0, 0]);
  });

  it('stacked determinants of singular matrices have finite derivatives up to three rows', () => {
    expect(gradientOf((x) => linalg.det(stack([x, x])), zeros())).toEqual([0, 0]);
  });
});
