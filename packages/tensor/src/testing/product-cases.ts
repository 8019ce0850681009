/** Conformance cases of matrix products, einsum and tensor creation. */
import {
  arange,
  causalMask,
  einsum,
  eye,
  full,
  iota,
  linspace,
  onesLike,
  outer,
  tensor,
  tril,
  triu,
  zeros,
} from '../functions.ts';
import type { Shape } from '../kernel/shape.ts';
import { sizeOf } from '../kernel/shape.ts';
import type { Tensor } from '../tensor.ts';
import { elementAt, type OpCase, scattered, sumOver, tabulate } from './op-case.ts';

const data = (shape: Shape, range: number): { t: () => Tensor; at: (...index: number[]) => number } => {
  const values = scattered(sizeOf(shape), range);
  return {
    t: () => tensor(values, { shape }),
    at: (...index) => Math.fround(elementAt(values, shape, index)),
  };
};

const a = data([2, 1, 3, 4], 2);
const b = data([5, 4, 6], 3);
const m = data([3, 4], 2);
const n = data([4, 5], 1);
const v = data([4], 2);

const products: OpCase[] = [
  {
    name: 'matmul of matrices',
    compute: () => m.t().matmul(n.t()),
    expected: tabulate([3, 5], (i, j) => sumOver(4, (k) => m.at(i, k) * n.at(k, j))),
    shape: [3, 5],
  },
  {
    name: 'matmul of a transposed matrix',
    compute: () => n.t().transpose().matmul(m.t().transpose()),
    expected: tabulate([5, 3], (i, j) => sumOver(4, (k) => m.at(j, k) * n.at(k, i))),
    shape: [5, 3],
  },
  {
    name: 'matmul of vectors',
    compute: () => v.t().matmul(v.t()),
    expected: [sumOver(4, (k) => v.at(k) ** 2)],
    shape: [],
  },
  {
    name: 'matmul of a matrix and a vector',
    compute: () => m.t().matmul(v.t()),
    expected: tabulate([3], (i) => sumOver(4, (k) => m.at(i, k) * v.at(k))),
    shape: [3],
  },
  {
    name: 'matmul of a vector and a matrix',
    compute: () => v.t().matmul(n.t()),
    expected: tabulate([5], (j) => sumOver(4, (k) => v.at(k) * n.at(k, j))),
    shape: [5],
  },
  {
    name: 'matmul broadcasts leading axes',
    compute: () => a.t().matmul(b.t()),
    expected: tabulate([2, 5, 3, 6], (x, y, i, j) => sumOver(4, (k) => a.at(x, 0, i, k) * b.at(y, k, j))),
    shape: [2, 5, 3, 6],
  },
  {
    name: 'matmul of a batch and a matrix',
    compute: () => a.t().matmul(n.t()),
    expected: tabulate([2, 1, 3, 5], (x, _, i, j) => sumOver(4, (k) => a.at(x, 0, i, k) * n.at(k, j))),
    shape: [2, 1, 3, 5],
  },
  {
    name: 'matmul of two batches',
    compute: () => b.t().transpose().matmul(b.t()),
    expected: tabulate([5, 6, 6], (x, i, j) => sumOver(4, (k) => b.at(x, k, i) * b.at(x, k, j))),
    shape: [5, 6, 6],
  },
  {
    name: 'matmul with leading axes of size 1 on both sides',
    compute: () =>
      m
        .t()
        .reshape(1, 3, 4)
        .matmul(n.t().reshape(1, 1, 4, 5)),
    expected: tabulate([1, 1, 3, 5], (_x, _y, i, j) => sumOver(4, (k) => m.at(i, k) * n.at(k, j))),
    shape: [1, 1, 3, 5],
  },
  {
    name: 'matmul over nothing',
    compute: () => zeros([2, 0]).matmul(zeros([0, 3])),
    expected: [0, 0, 0, 0, 0, 0],
    shape: [2, 3],
  },
  {
    name: 'matmul of f32 and f64',
    needs: ['f64'],
    compute: () => m.t().to('f64').matmul(v.t()),
    expected: tabulate([3], (i) => sumOver(4, (k) => m.at(i, k) * v.at(k))),
    shape: [3],
    dtype: 'f64',
    tolerance: 1e-12,
  },
  {
    name: 'einsum of attention scores',
    compute: () => einsum('bhld,bhsd->bhls', a.t(), a.t()),
    expected: tabulate([2, 1, 3, 3], (x, _, i, j) => sumOver(4, (k) => a.at(x, 0, i, k) * a.at(x, 0, j, k))),
    shape: [2, 1, 3, 3],
  },
  {
    name: 'einsum without an arrow',
    compute: () => einsum('ij, jk', m.t(), n.t()),
    expected: tabulate([3, 5], (i, j) => sumOver(4, (k) => m.at(i, k) * n.at(k, j))),
    shape: [3, 5],
  },
  {
    name: 'einsum that sums an axis of one operand and transposes',
    compute: () => einsum('ij,jk->k', m.t(), n.t()),
    expected: tabulate([5], (j) => sumOver(3, (i) => sumOver(4, (k) => m.at(i, k) * n.at(k, j)))),
    shape: [5],
  },
  {
    name: 'einsum of one operand',
    compute: () => einsum('bij->jb', b.t()),
    expected: tabulate([6, 5], (j, x) => sumOver(4, (k) => b.at(x, k, j))),
    shape: [6, 5],
  },
  {
    name: 'outer',
    compute: () => outer(v.t(), tensor([1, 2, 3])),
    expected: tabulate([4, 3], (i, j) => v.at(i) * (j + 1)),
    shape: [4, 3],
  },
];

const creation: OpCase[] = [
  { name: 'full', compute: () => full([2, 2], 1.5), expected: [1.5, 1.5, 1.5, 1.5], shape: [2, 2] },
  { name: 'full of bool', compute: () => full([2], 3, { dtype: 'bool' }), expected: [1, 1], shape: [2], dtype: 'bool' },
  {
    name: 'onesLike',
    compute: () => onesLike(tensor(Int32Array.of(4, 5))),
    expected: [1, 1],
    shape: [2],
    dtype: 'i32',
  },
  { name: 'arange', compute: () => arange(4), expected: [0, 1, 2, 3], shape: [4], dtype: 'i32' },
  { name: 'arange with a step', compute: () => arange(7, 1, -2), expected: [7, 5, 3], shape: [3], dtype: 'i32' },
  { name: 'arange of fractions', compute: () => arange(0, 1, 0.25), expected: [0, 0.25, 0.5, 0.75], shape: [4] },
  { name: 'arange of nothing', compute: () => arange(3, 3), expected: [], shape: [0], dtype: 'i32' },
  { name: 'linspace', compute: () => linspace(-1, 1, 5), expected: [-1, -0.5, 0, 0.5, 1], shape: [5] },
  { name: 'eye', compute: () => eye(2, 3), expected: [1, 0, 0, 0, 1, 0], shape: [2, 3] },
  { name: 'iota', compute: () => iota([2, 3], -1), expected: [0, 1, 2, 0, 1, 2], shape: [2, 3], dtype: 'i32' },
  { name: 'tril', compute: () => tril(full([3, 3], 2)), expected: [2, 0, 0, 2, 2, 0, 2, 2, 2], shape: [3, 3] },
  { name: 'tril, moved', compute: () => tril(full([2, 3], 1), 1), expected: [1, 1, 0, 1, 1, 1], shape: [2, 3] },
  { name: 'triu', compute: () => triu(full([3, 3], 2)), expected: [2, 2, 2, 0, 2, 2, 0, 0, 2], shape: [3, 3] },
  { name: 'triu, moved', compute: () => triu(full([2, 3], 1), -1), expected: [1, 1, 1, 1, 1, 1], shape: [2, 3] },
  {
    name: 'causalMask',
    compute: () => causalMask(3),
    expected: tabulate([3, 3], (i, j) => (j <= i ? 0 : Number.NEGATIVE_INFINITY)),
    shape: [3, 3],
  },
];

export const productCases: readonly OpCase[] = [...products, ...creation];
