/** Conformance cases of products under PyTorch's names, distances and statistics. The expected values are PyTorch's. */
import { cdist, chainMatmul, corrcoef, cov, dist, pdist, tensordot } from '../combining.ts';
import { arange, einsum, full, tensor } from '../functions.ts';
import type { Tensor } from '../tensor.ts';
import type { OpCase } from './op-case.ts';

const a = (): Tensor => tensor([3, -1, 2, 2, 0, 5, -4, 1, 2.5, -0.5, 4, -1], { shape: [3, 4] });
/** With NaN and infinity. */
const n = (): Tensor => tensor([2, Number.NaN, -1, 7, Number.NaN, 0, 3, Number.POSITIVE_INFINITY]);
const i = (): Tensor => tensor(Int32Array.of(5, 2, 2, 9, -3, 0, 2, 7));
const c = (): Tensor => arange(24, undefined, 1, { dtype: 'f32' }).reshape(2, 3, 4).mul(0.5).sub(3);
const g = (): Tensor => tensor([2, -1, 0.5, 3, 0, 1, 4, -2, 1.5, 2, -3, 1, -1, 0.5, 2, 2.5], { shape: [4, 4] });
const r = (): Tensor => tensor([1, 2, -1, 0.5, 3, 2, -2, 1, 1.5, 4, 0, 1], { shape: [4, 3] });
const k = (...positions: number[]): Tensor => tensor(Int32Array.from(positions));

export const namedProductCases: readonly OpCase[] = [
  {
    name: 'matmul of integers',
    compute: () =>
      k(1, 2, 3, 4, 5, 6)
        .reshape(2, 3)
        .matmul(k(1, 0, 2, -1, 3, 1).reshape(3, 2)),
    expected: [14, 1, 32, 1],
    shape: [2, 2],
    dtype: 'i32',
  },
  {
    name: 'batched matmul of integers',
    compute: () => k(1, 2, 3, 4, 5, 6, 7, 8).reshape(2, 2, 2).matmul(k(1, -2)),
    expected: [-3, -5, -7, -9],
    shape: [2, 2],
    dtype: 'i32',
  },
  {
    name: 'dot',
    compute: () =>
      n()
        .slice(0, 5, 7)
        .dot(tensor([2, 5])),
    expected: [15],
    shape: [],
  },
  { name: 'mv', compute: () => g().mv(tensor([1, 2, 3, 4])), expected: [13.5, 6, 0.5, 16], shape: [4] },
  {
    name: 'mm',
    compute: () => g().mm(r()),
    expected: [12.5, 1.5, -0.25, -15.5, 7, 6, 12.5, 6, -1, 5.25, 1.5, 7.5],
    shape: [4, 3],
  },
  {
    name: 'bmm',
    compute: () => c().bmm(r().expand(2, 4, 3)),
    expected: [
      -6.25, -15.5, -6.5, 0.75, -3.5, 0.5, 7.75, 8.5, 7.5, 14.75, 20.5, 14.5, 21.75, 32.5, 21.5, 28.75, 44.5, 28.5,
    ],
    shape: [2, 3, 3],
  },
  {
    name: 'inner',
    compute: () => c().inner(a()),
    expected: [-13.5, -6, -12.75, -1.5, -2, -2.75, 10.5, 2, 7.25, 22.5, 6, 17.25, 34.5, 10, 27.25, 46.5, 14, 37.25],
    shape: [2, 3, 3],
  },
  {
    name: 'addmm',
    compute: () => r().addmm(g(), r(), { beta: 0.5, alpha: 2 }),
    expected: [25.5, 4, -1, -30.75, 15.5, 13, 24, 12.5, -1.25, 12.5, 3, 15.5],
    shape: [4, 3],
  },
  {
    name: 'addmm ignores NaN with beta 0',
    compute: () => full([1, 3], Number.NaN).addmm(g(), r(), { beta: 0 }),
    expected: [12.5, 1.5, -0.25, -15.5, 7, 6, 12.5, 6, -1, 5.25, 1.5, 7.5],
    shape: [4, 3],
  },
  {
    name: 'addmv',
    compute: () => tensor([1]).addmv(g(), tensor([1, 2, 3, 4])),
    expected: [14.5, 7, 1.5, 17],
    shape: [4],
  },
  {
    name: 'addr',
    compute: () => a().addr(tensor([1, 2, 3]), tensor([1, 0, -1, 2])),
    expected: [4, -1, 1, 4, 2, 5, -6, 5, 5.5, -0.5, 1, 5],
    shape: [3, 4],
  },
  {
    name: 'addbmm',
    compute: () => tensor(1).addbmm(c(), r().expand(2, 4, 3)),
    expected: [9.5, 6, 9, 23.5, 30, 23, 37.5, 54, 37],
    shape: [3, 3],
  },
  {
    name: 'baddbmm',
    compute: () => tensor([1, 2, 3]).baddbmm(c(), r().expand(2, 4, 3), { alpha: 0.5 }),
    expected: [
      -2.125, -5.75, -0.25, 1.375, 0.25, 3.25, 4.875, 6.25, 6.75, 8.375, 12.25, 10.25, 11.875, 18.25, 13.75, 15.375,
      24.25, 17.25,
    ],
    shape: [2, 3, 3],
  },
  {
    name: 'kron',
    compute: () =>
      tensor([
        [1, 2],
        [3, 4],
      ]).kron(
        tensor([
          [0, 1],
          [-1, 2],
        ]),
      ),
    expected: [0, 1, 0, 2, -1, 2, -2, 4, 0, 3, 0, 4, -3, 6, -4, 8],
    shape: [4, 4],
  },
  {
    name: 'cross',
    compute: () => r().cross(tensor([[1, -1, 2]])),
    expected: [3, -3, -3, 8, 1, -3.5, 3.5, 5.5, 1, 1, -7, -4],
    shape: [4, 3],
  },
  {
    name: 'tensordot',
    compute: () =>
      tensordot(c(), c().movedim(0, 2), [
        [1, 0],
        [0, 2],
      ]),
    expected: [94, 100, 106, 112, 100, 107.5, 115, 122.5, 106, 115, 124, 133, 112, 122.5, 133, 143.5],
    shape: [4, 4],
  },
  {
    name: 'chainMatmul',
    compute: () => chainMatmul(g(), r(), r().t(), g()),
    expected: [
      -54.0625, -28.375, 220, 127.25, 111.5, 98.75, -155.75, -166, -28.75, -19.75, 261.25, 134, -23.625, 40.125,
      139.125, 31.5,
    ],
    shape: [4, 4],
  },
  {
    name: "einsum '...ij,...jk->...ik'",
    compute: () => einsum('...ij,...jk->...ik', c(), r()),
    expected: [
      -6.25, -15.5, -6.5, 0.75, -3.5, 0.5, 7.75, 8.5, 7.5, 14.75, 20.5, 14.5, 21.75, 32.5, 21.5, 28.75, 44.5, 28.5,
    ],
    shape: [2, 3, 3],
  },
  { name: "einsum 'ii->i'", compute: () => einsum('ii->i', g()), expected: [2, 1, -3, 2.5], shape: [4] },
  { name: "einsum 'ii'", compute: () => einsum('ii', g()), expected: [2.5], shape: [] },
  {
    name: "einsum 'ij,jk,kl->il'",
    compute: () => einsum('ij,jk,kl->il', g(), r(), r().t()),
    expected: [15.75, 10.25, -23.875, 49.75, -7.5, 25.25, 47, -56, 25.5, 22.25, -20.5, 49, 0.75, 22.125, 2.25, 28.5],
    shape: [4, 4],
  },
  { name: "einsum '...->'", compute: () => einsum('...->', c()), expected: [66], shape: [] },
  {
    name: "einsum 'b...j,j->...b'",
    compute: () => einsum('b...j,j->...b', c(), tensor([1, 2, 3, 4])),
    expected: [-20, 40, 0, 60, 20, 80],
    shape: [3, 2],
  },
  {
    name: "einsum 'iij->j'",
    compute: () => einsum('iij->j', g().expand(4, 4, 4)),
    expected: [2.5, 2.5, 3.5, 4.5],
    shape: [4],
  },
  { name: "einsum 'ij,ij,ij->'", compute: () => einsum('ij,ij,ij->', a(), a(), a()), expected: [182.5], shape: [] },
  {
    name: "einsum 'ij'",
    compute: () => einsum('ij', a()),
    expected: [3, -1, 2, 2, 0, 5, -4, 1, 2.5, -0.5, 4, -1],
    shape: [3, 4],
  },
  {
    name: "einsum 'ji'",
    compute: () => einsum('ji', a()),
    expected: [3, 0, 2.5, -1, 5, -0.5, 2, -4, 4, 2, 1, -1],
    shape: [4, 3],
  },
  {
    name: "einsum 'i,j'",
    compute: () => einsum('i,j', tensor([1, 2]), tensor([3, 4, 5])),
    expected: [3, 4, 5, 6, 8, 10],
    shape: [2, 3],
  },
  {
    name: "einsum 'a,b,c->cba'",
    compute: () => einsum('a,b,c->cba', tensor([1, 2]), tensor([3, 4, 5]), tensor([6, 7])),
    expected: [18, 36, 24, 48, 30, 60, 21, 42, 28, 56, 35, 70],
    shape: [2, 3, 2],
  },
  {
    name: 'einsum of integers',
    compute: () => einsum('ij,jk->ik', k(1, 2, 3, 4).reshape(2, 2), k(5, 6, 7, 8).reshape(2, 2)),
    expected: [19, 22, 43, 50],
    shape: [2, 2],
    dtype: 'i32',
  },
  {
    name: 'cdist of order 0',
    compute: () => cdist(a(), g(), 0),
    expected: [3, 4, 4, 3, 4, 3, 3, 4, 4, 3, 4, 4],
    shape: [3, 4],
  },
  {
    name: 'cdist of order 1',
    compute: () => cdist(a(), g(), 1),
    expected: [3.5, 11, 10.5, 6, 14.5, 15, 5.5, 13, 8.5, 5, 12.5, 10],
    shape: [3, 4],
  },
  {
    name: 'cdist of order 2',
    compute: () => cdist(a(), g()),
    expected: [
      2.0615528, 5.7445626, 6.1032777, 4.3011627, 8.0156097, 9.4339809, 3.5, 7.7136245, 5.3619027, 3.082207, 7.7620873,
      5.4313903,
    ],
    shape: [3, 4],
  },
  {
    name: 'cdist of order 3',
    compute: () => cdist(a(), g(), 3),
    expected: [
      1.751699, 4.7474594, 5.3875227, 4.0716267, 6.8620968, 8.4483604, 3.1539967, 6.7787976, 4.7493072, 2.7144177,
      7.163661, 4.5588965,
    ],
    shape: [3, 4],
  },
  {
    name: 'cdist of order 0.5',
    compute: () => cdist(a(), g(), 0.5),
    expected: [
      10.398979, 43.039867, 38.351559, 15.459457, 54.748711, 43.039875, 15.656232, 46.179569, 27.931671, 14.484752,
      44.104259, 37.894745,
    ],
    shape: [3, 4],
  },
  {
    name: 'cdist of order inf',
    compute: () => cdist(a(), g(), Number.POSITIVE_INFINITY),
    expected: [1.5, 4, 5, 4, 6, 8, 3, 6, 4, 2.5, 7, 3.5],
    shape: [3, 4],
  },
  {
    name: 'pdist',
    compute: () => pdist(g()),
    expected: [6.7268119, 5.0497522, 3.7080991, 7.8262382, 5.0497522, 5.9791303],
    shape: [6],
  },
  {
    name: 'cov',
    compute: () => cov(a()),
    expected: [3, -4.6666665, 2.1666667, -4.6666665, 13.666667, -7.3333335, 2.1666667, -7.3333335, 5.75],
    shape: [3, 3],
  },
  {
    name: 'cov with weights',
    compute: () => cov(a(), { fweights: k(1, 2, 0, 3), aweights: tensor([0.5, 1, 2, 0.25]) }),
    expected: [3.6769233, -4.7230768, 1.3615385, -4.7230768, 6.0769229, -1.6384615, 1.3615385, -1.6384615, 1.719231],
    shape: [3, 3],
    tolerance: 0.0001,
  },
  {
    name: 'corrcoef',
    compute: () => corrcoef(a()),
    expected: [1, -0.72881085, 0.52167207, -0.72881091, 1, -0.82724887, 0.52167207, -0.82724887, 0.99999988],
    shape: [3, 3],
  },
  { name: 'dist', compute: () => dist(a(), tensor(1), 3), expected: [6.2975049], shape: [] },
  { name: 'prod', compute: () => a().prod(1), expected: [-12, 0, 5], shape: [3] },
  { name: 'prod of all', compute: () => c().add(3.5).prod(), expected: [3.698161e16], shape: [] },
  { name: 'prod of integers', compute: () => i().slice(0, 0, 4).prod(), expected: [180], shape: [], dtype: 'i32' },
  { name: 'nansum', compute: () => n().slice(0, 0, 7).nansum(), expected: [11], shape: [] },
  { name: 'nanmean', compute: () => n().slice(0, 0, 7).nanmean(), expected: [2.2], shape: [] },
];
