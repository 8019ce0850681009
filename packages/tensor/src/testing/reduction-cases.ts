/** Conformance cases of reductions. */
import { tensor, zeros } from '../functions.ts';
import { nth } from '../kernel/nth.ts';
import type { Tensor } from '../tensor.ts';
import { elementAt, type OpCase, scattered, tabulate } from './op-case.ts';

const shape = [3, 4, 5];
const values = scattered(60);
const at = (...index: number[]): number => Math.fround(elementAt(values, shape, index));
const x = (): Tensor => tensor(values, { shape });

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const total = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0);
const average = (list: readonly number[]): number => total(list) / list.length;
const deviation = (list: readonly number[], correction = 1): number =>
  total(list.map((value) => (value - average(list)) ** 2)) / (list.length - correction);

/** Each reduction, as a tensor operation and as a function of a list. */
const reductions: Record<
  string,
  { tensor: (x: Tensor, axes?: number | number[], keepdim?: boolean) => Tensor; list: (list: number[]) => number }
> = {
  sum: { tensor: (t, axes, keepdim) => t.sum(axes, keepdim), list: total },
  mean: { tensor: (t, axes, keepdim) => t.mean(axes, keepdim), list: average },
  max: { tensor: (t, axes, keepdim) => t.max(axes, keepdim), list: (list) => Math.max(...list) },
  min: { tensor: (t, axes, keepdim) => t.min(axes, keepdim), list: (list) => Math.min(...list) },
  variance: { tensor: (t, axes, keepdim) => t.variance(axes, { keepdim }), list: deviation },
  'variance without correction': {
    tensor: (t, axes, keepdim) => t.variance(axes, { correction: 0, keepdim }),
    list: (list) => deviation(list, 0),
  },
  std: { tensor: (t, axes, keepdim) => t.std(axes, { keepdim }), list: (list) => Math.sqrt(deviation(list)) },
  norm: { tensor: (t, axes, keepdim) => t.norm(axes, keepdim), list: (list) => Math.hypot(...list) },
  logsumexp: {
    tensor: (t, axes, keepdim) => t.logsumexp(axes, keepdim),
    list: (list) => Math.log(total(list.map(Math.exp))),
  },
};

const allReductions: OpCase[] = Object.entries(reductions).flatMap(([name, { tensor: compute, list }]) => [
  {
    name: `${name} over everything`,
    compute: () => compute(x()),
    expected: [list(tabulate(shape, at))],
    shape: [],
  },
  {
    name: `${name} over the last axis`,
    compute: () => compute(x(), -1),
    expected: tabulate([3, 4], (i, j) => list(range(5).map((k) => at(i, j, k)))),
    shape: [3, 4],
  },
  {
    name: `${name} over the middle axis, kept`,
    compute: () => compute(x(), 1, true),
    expected: tabulate([3, 1, 5], (i, _, k) => list(range(4).map((j) => at(i, j, k)))),
    shape: [3, 1, 5],
  },
  {
    name: `${name} over two axes`,
    compute: () => compute(x(), [0, -1]),
    expected: tabulate([4], (j) => list(range(3).flatMap((i) => range(5).map((k) => at(i, j, k))))),
    shape: [4],
  },
]);

const position = (list: readonly number[], best: (...list: number[]) => number): number => list.indexOf(best(...list));

const softmaxAt = (list: readonly number[], k: number): number =>
  Math.exp(nth(list, k)) / total(list.map((value) => Math.exp(value)));

const others: OpCase[] = [
  {
    name: 'argmax',
    compute: () => x().argmax(1),
    expected: tabulate([3, 5], (i, k) =>
      position(
        range(4).map((j) => at(i, j, k)),
        Math.max,
      ),
    ),
    shape: [3, 5],
    dtype: 'i32',
  },
  {
    name: 'argmin, kept',
    compute: () => x().argmin(-1, true),
    expected: tabulate([3, 4, 1], (i, j) =>
      position(
        range(5).map((k) => at(i, j, k)),
        Math.min,
      ),
    ),
    shape: [3, 4, 1],
    dtype: 'i32',
  },
  {
    name: 'argmax takes the first of equal values',
    compute: () =>
      tensor([
        [1, 3, 3, 2],
        [0, 0, 0, 0],
      ]).argmax(1),
    expected: [1, 0],
    shape: [2],
    dtype: 'i32',
  },
  {
    name: 'argmin of integers',
    compute: () => tensor(Int32Array.of(5, -2147483648, 7, -2147483648)).argmin(0),
    expected: [1],
    shape: [],
    dtype: 'i32',
  },
  {
    name: 'softmax',
    compute: () => x().softmax(1),
    expected: tabulate(shape, (i, j, k) =>
      softmaxAt(
        range(4).map((l) => at(i, l, k)),
        j,
      ),
    ),
    shape,
  },
  {
    name: 'softmax of large numbers',
    compute: () => tensor([1000, 1001, Number.NEGATIVE_INFINITY]).softmax(0),
    expected: [softmaxAt([0, 1], 0), softmaxAt([0, 1], 1), 0],
    shape: [3],
  },
  {
    name: 'logSoftmax',
    compute: () => x().logSoftmax(-1),
    expected: tabulate(shape, (i, j, k) =>
      Math.log(
        softmaxAt(
          range(5).map((l) => at(i, j, l)),
          k,
        ),
      ),
    ),
    shape,
  },
  {
    name: 'logsumexp of infinities',
    compute: () =>
      tensor([
        [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
        [Number.POSITIVE_INFINITY, 1],
        [1e4, 1e4],
      ]).logsumexp(1),
    expected: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, 1e4 + Math.log(2)],
    shape: [3],
  },
  {
    name: 'sum of bool counts',
    compute: () => x().gt(0).sum(2),
    expected: tabulate([3, 4], (i, j) => range(5).filter((k) => at(i, j, k) > 0).length),
    shape: [3, 4],
    dtype: 'i32',
  },
  {
    name: 'sum of u8 does not wrap around',
    compute: () => tensor(Uint8Array.of(200, 100, 50)).sum(),
    expected: [350],
    shape: [],
    dtype: 'i32',
  },
  {
    name: 'mean of integers',
    compute: () => tensor(Int32Array.of(1, 2, 4)).mean(),
    expected: [7 / 3],
    shape: [],
  },
  {
    name: 'max of integers',
    compute: () => tensor(Int32Array.of(-3, -2, -4)).max(),
    expected: [-2],
    shape: [],
    dtype: 'i32',
  },
  {
    name: 'min of u8',
    compute: () => tensor(Uint8Array.of(200, 3, 7)).min(),
    expected: [3],
    shape: [],
    dtype: 'u8',
  },
  {
    name: 'max and min of bool',
    compute: () =>
      tensor([
        [true, false],
        [false, false],
        [true, true],
      ])
        .max(1)
        .logicalAnd(
          tensor([
            [true, false],
            [false, false],
            [true, true],
          ])
            .min(1)
            .logicalNot(),
        ),
    expected: [1, 0, 0],
    shape: [3],
    dtype: 'bool',
  },
  {
    name: 'max keeps NaN',
    compute: () => tensor([1, Number.NaN, 3]).max(),
    expected: [Number.NaN],
    shape: [],
  },
  {
    name: 'any',
    compute: () =>
      tensor([
        [0, 2],
        [0, 0],
      ]).any(1),
    expected: [1, 0],
    shape: [2],
    dtype: 'bool',
  },
  {
    name: 'all',
    compute: () =>
      tensor([
        [3, 2],
        [0, 1],
      ]).all(-1, true),
    expected: [1, 0],
    shape: [2, 1],
    dtype: 'bool',
  },
  { name: 'sum of nothing', compute: () => zeros([2, 0]).sum(1), expected: [0, 0], shape: [2] },
  { name: 'mean of nothing', compute: () => zeros([0]).mean(), expected: [Number.NaN], shape: [] },
  { name: 'any of nothing', compute: () => zeros([0]).any(), expected: [0], shape: [], dtype: 'bool' },
  { name: 'all of nothing', compute: () => zeros([0]).all(), expected: [1], shape: [], dtype: 'bool' },
  { name: 'softmax of nothing', compute: () => zeros([2, 0]).softmax(1), expected: [], shape: [2, 0] },
  { name: 'norm of zeros', compute: () => zeros([2, 3]).norm(1), expected: [0, 0], shape: [2] },
  { name: 'sum over no axes', compute: () => tensor([1, 2]).sum([]), expected: [1, 2], shape: [2] },
];

export const reductionCases: readonly OpCase[] = [...allReductions, ...others];
