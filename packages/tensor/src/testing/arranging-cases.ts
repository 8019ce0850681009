/** Conformance cases of rearranging, joining and cutting. The expected values are PyTorch's. */
import {
  atleast2d,
  atleast3d,
  blockDiag,
  broadcastTensors,
  cartesianProd,
  columnStack,
  combinations,
  dstack,
  hstack,
  logspace,
  meshgrid,
  trilIndices,
  triuIndices,
  vander,
  vstack,
} from '../combining.ts';
import { arange, tensor } from '../functions.ts';
import { nth } from '../kernel/nth.ts';
import type { Tensor } from '../tensor.ts';
import type { OpCase } from './op-case.ts';

const a = (): Tensor => tensor([3, -1, 2, 2, 0, 5, -4, 1, 2.5, -0.5, 4, -1], { shape: [3, 4] });
const i = (): Tensor => tensor(Int32Array.of(5, 2, 2, 9, -3, 0, 2, 7));
const c = (): Tensor => arange(24, undefined, 1, { dtype: 'f32' }).reshape(2, 3, 4).mul(0.5).sub(3);
const g = (): Tensor => tensor([2, -1, 0.5, 3, 0, 1, 4, -2, 1.5, 2, -3, 1, -1, 0.5, 2, 2.5], { shape: [4, 4] });
const k = (...positions: number[]): Tensor => tensor(Int32Array.from(positions));

export const arrangingCases: readonly OpCase[] = [
  { name: 'roll', compute: () => a().roll(5), expected: [1, 2.5, -0.5, 4, -1, 3, -1, 2, 2, 0, 5, -4], shape: [3, 4] },
  {
    name: 'roll of two axes',
    compute: () => c().roll([1, -1], [0, 2]),
    expected: [3.5, 4, 4.5, 3, 5.5, 6, 6.5, 5, 7.5, 8, 8.5, 7, -2.5, -2, -1.5, -3, -0.5, 0, 0.5, -1, 1.5, 2, 2.5, 1],
    shape: [2, 3, 4],
  },
  {
    name: 'rot90, 1 turns',
    compute: () => a().rot90(1),
    expected: [2, 1, -1, 2, -4, 4, -1, 5, -0.5, 3, 0, 2.5],
    shape: [4, 3],
  },
  {
    name: 'rot90, 2 turns',
    compute: () => a().rot90(2),
    expected: [-1, 4, -0.5, 2.5, 1, -4, 5, 0, 2, 2, -1, 3],
    shape: [3, 4],
  },
  {
    name: 'rot90, 3 turns',
    compute: () => a().rot90(3),
    expected: [2.5, 0, 3, -0.5, 5, -1, 4, -4, 2, -1, 1, 2],
    shape: [4, 3],
  },
  {
    name: 'rot90, -1 turns',
    compute: () => a().rot90(-1),
    expected: [2.5, 0, 3, -0.5, 5, -1, 4, -4, 2, -1, 1, 2],
    shape: [4, 3],
  },
  {
    name: 'rot90 of other axes',
    compute: () => c().rot90(1, [2, 0]),
    expected: [3, -3, 5, -1, 7, 1, 3.5, -2.5, 5.5, -0.5, 7.5, 1.5, 4, -2, 6, 0, 8, 2, 4.5, -1.5, 6.5, 0.5, 8.5, 2.5],
    shape: [4, 3, 2],
  },
  {
    name: 'movedim',
    compute: () => c().movedim([0, 1], [-1, 0]),
    expected: [-3, 3, -2.5, 3.5, -2, 4, -1.5, 4.5, -1, 5, -0.5, 5.5, 0, 6, 0.5, 6.5, 1, 7, 1.5, 7.5, 2, 8, 2.5, 8.5],
    shape: [3, 4, 2],
  },
  {
    name: 'swapaxes',
    compute: () => c().swapaxes(0, 2),
    expected: [-3, 3, -1, 5, 1, 7, -2.5, 3.5, -0.5, 5.5, 1.5, 7.5, -2, 4, 0, 6, 2, 8, -1.5, 4.5, 0.5, 6.5, 2.5, 8.5],
    shape: [4, 3, 2],
  },
  { name: 'narrow', compute: () => a().narrow(1, -3, 2), expected: [-1, 2, 5, -4, -0.5, 4], shape: [3, 2] },
  {
    name: 'tile',
    compute: () => a().tile(2),
    expected: [3, -1, 2, 2, 3, -1, 2, 2, 0, 5, -4, 1, 0, 5, -4, 1, 2.5, -0.5, 4, -1, 2.5, -0.5, 4, -1],
    shape: [3, 8],
  },
  {
    name: 'repeatInterleave',
    compute: () => a().repeatInterleave(2, 1),
    expected: [3, 3, -1, -1, 2, 2, 2, 2, 0, 0, 5, 5, -4, -4, 1, 1, 2.5, 2.5, -0.5, -0.5, 4, 4, -1, -1],
    shape: [3, 8],
  },
  {
    name: 'repeatInterleave by counts',
    compute: () => a().repeatInterleave([2, 0, 1], 0),
    expected: [3, -1, 2, 2, 3, -1, 2, 2, 2.5, -0.5, 4, -1],
    shape: [3, 4],
  },
  {
    name: 'repeatInterleave by a tensor',
    compute: () => a().repeatInterleave(k(2, 0, 1), 0, { outputSize: 3 }),
    expected: [3, -1, 2, 2, 3, -1, 2, 2, 2.5, -0.5, 4, -1],
    shape: [3, 4],
  },
  {
    name: 'repeatInterleave of all',
    compute: () => a().repeatInterleave(2),
    expected: [3, 3, -1, -1, 2, 2, 2, 2, 0, 0, 5, 5, -4, -4, 1, 1, 2.5, 2.5, -0.5, -0.5, 4, 4, -1, -1],
    shape: [24],
  },
  { name: 'tensorSplit', compute: () => nth(a().tensorSplit(3, 1), 1), expected: [2, -4, 4], shape: [3, 1] },
  {
    name: 'tensorSplit at positions',
    compute: () => nth(a().tensorSplit([1, 3], 1), 2),
    expected: [2, 1, -1],
    shape: [3, 1],
  },
  { name: 'hsplit', compute: () => nth(a().hsplit(2), 1), expected: [2, 2, -4, 1, 4, -1], shape: [3, 2] },
  { name: 'vsplit', compute: () => nth(a().vsplit([1]), 1), expected: [0, 5, -4, 1, 2.5, -0.5, 4, -1], shape: [2, 4] },
  { name: 'unbind', compute: () => nth(c().unbind(1), 2), expected: [1, 1.5, 2, 2.5, 7, 7.5, 8, 8.5], shape: [2, 4] },
  {
    name: 'unfold',
    compute: () => a().unfold(1, 2, 1),
    expected: [3, -1, -1, 2, 2, 2, 0, 5, 5, -4, -4, 1, 2.5, -0.5, -0.5, 4, 4, -1],
    shape: [3, 3, 2],
  },
  {
    name: 'unfold of a scalar',
    compute: () => a().select(0, 0).select(0, 0).unfold(0, 1, 1),
    expected: [3],
    shape: [1],
  },
  { name: 'diagonal', compute: () => a().diagonal(1), expected: [-1, -4, -1], shape: [3] },
  { name: 'diagonal below', compute: () => c().diagonal(-1, 1, 2), expected: [-1, 1.5, 5, 7.5], shape: [2, 2] },
  {
    name: 'diag of a vector',
    compute: () => tensor([1, 2, 3]).diag(-1),
    expected: [0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0],
    shape: [4, 4],
  },
  { name: 'diag of a matrix', compute: () => a().diag(2), expected: [2, 1], shape: [2] },
  {
    name: 'diagEmbed',
    compute: () => a().diagEmbed(1, 0, 2),
    expected: [
      0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2.5, 0, 0, 0, 0, 0, -1, 0, 0, 0, 0, 5, 0, 0, 0, 0, -0.5, 0, 0, 0, 0, 0, 2, 0, 0,
      0, 0, -4, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
      0, 0,
    ],
    shape: [5, 3, 5],
  },
  {
    name: 'diagflat',
    compute: () =>
      tensor([
        [1, 2],
        [3, 4],
      ]).diagflat(1),
    expected: [0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0],
    shape: [5, 5],
  },
  { name: 'trace', compute: () => g().trace(), expected: [2.5], shape: [] },
  {
    name: 'tril method',
    compute: () => g().tril(-1),
    expected: [0, 0, 0, 0, 0, 0, 0, 0, 1.5, 2, 0, 0, -1, 0.5, 2, 0],
    shape: [4, 4],
  },
  {
    name: 'hstack',
    compute: () => hstack([a(), a().slice(1, 0, 1)]),
    expected: [3, -1, 2, 2, 3, 0, 5, -4, 1, 0, 2.5, -0.5, 4, -1, 2.5],
    shape: [3, 5],
  },
  { name: 'hstack of vectors', compute: () => hstack([tensor([1, 2]), tensor([3])]), expected: [1, 2, 3], shape: [3] },
  {
    name: 'vstack',
    compute: () => vstack([a(), tensor([1, 2, 3, 4])]),
    expected: [3, -1, 2, 2, 0, 5, -4, 1, 2.5, -0.5, 4, -1, 1, 2, 3, 4],
    shape: [4, 4],
  },
  {
    name: 'dstack',
    compute: () => dstack([a(), a()]),
    expected: [3, 3, -1, -1, 2, 2, 2, 2, 0, 0, 5, 5, -4, -4, 1, 1, 2.5, 2.5, -0.5, -0.5, 4, 4, -1, -1],
    shape: [3, 4, 2],
  },
  {
    name: 'columnStack',
    compute: () => columnStack([tensor([1, 2, 3]), a()]),
    expected: [1, 3, -1, 2, 2, 2, 0, 5, -4, 1, 3, 2.5, -0.5, 4, -1],
    shape: [3, 5],
  },
  {
    name: 'blockDiag',
    compute: () => blockDiag(a(), tensor([7, 8]), tensor(9)),
    expected: [
      3, -1, 2, 2, 0, 0, 0, 0, 5, -4, 1, 0, 0, 0, 2.5, -0.5, 4, -1, 0, 0, 0, 0, 0, 0, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 9,
    ],
    shape: [5, 7],
  },
  {
    name: 'broadcastTensors',
    compute: () => nth(broadcastTensors(a(), tensor([[1], [2], [3]])), 1),
    expected: [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3],
    shape: [3, 4],
  },
  {
    name: 'atleast3d',
    compute: () => atleast3d(a()),
    expected: [3, -1, 2, 2, 0, 5, -4, 1, 2.5, -0.5, 4, -1],
    shape: [3, 4, 1],
  },
  { name: 'atleast2d of a vector', compute: () => atleast2d(tensor([1, 2])), expected: [1, 2], shape: [1, 2] },
  {
    name: 'meshgrid',
    compute: () => nth(meshgrid([tensor([1, 2]), tensor([3, 4, 5])]), 1),
    expected: [3, 4, 5, 3, 4, 5],
    shape: [2, 3],
  },
  {
    name: 'meshgrid, xy',
    compute: () => nth(meshgrid([tensor([1, 2]), tensor([3, 4, 5])], { indexing: 'xy' }), 0),
    expected: [1, 2, 1, 2, 1, 2],
    shape: [3, 2],
  },
  {
    name: 'cartesianProd',
    compute: () => cartesianProd(tensor([1, 2]), tensor([3, 4]), tensor([5, 6])),
    expected: [1, 3, 5, 1, 3, 6, 1, 4, 5, 1, 4, 6, 2, 3, 5, 2, 3, 6, 2, 4, 5, 2, 4, 6],
    shape: [8, 3],
  },
  {
    name: 'combinations',
    compute: () => combinations(tensor([1, 2, 3, 4]), 3),
    expected: [1, 2, 3, 1, 2, 4, 1, 3, 4, 2, 3, 4],
    shape: [4, 3],
  },
  {
    name: 'combinations with replacement',
    compute: () => combinations(tensor([1, 2, 3]), 2, { withReplacement: true }),
    expected: [1, 1, 1, 2, 1, 3, 2, 2, 2, 3, 3, 3],
    shape: [6, 2],
  },
  {
    name: 'trilIndices',
    compute: () => trilIndices(3, 4, 1),
    expected: [0, 0, 1, 1, 1, 2, 2, 2, 2, 0, 1, 0, 1, 2, 0, 1, 2, 3],
    shape: [2, 9],
    dtype: 'i32',
  },
  {
    name: 'triuIndices',
    compute: () => triuIndices(4, 3, -1),
    expected: [0, 0, 0, 1, 1, 1, 2, 2, 3, 0, 1, 2, 0, 1, 2, 1, 2, 2],
    shape: [2, 9],
    dtype: 'i32',
  },
  {
    name: 'vander',
    compute: () => vander(tensor([2, 3, -1]), 4),
    expected: [8, 4, 2, 1, 27, 9, 3, 1, -1, 1, -1, 1],
    shape: [3, 4],
  },
  {
    name: 'vander, ascending',
    compute: () => vander(i(), 3, { increasing: true }),
    expected: [1, 5, 25, 1, 2, 4, 1, 2, 4, 1, 9, 81, 1, -3, 9, 1, 0, 0, 1, 2, 4, 1, 7, 49],
    shape: [8, 3],
    dtype: 'i32',
  },
  { name: 'logspace', compute: () => logspace(-1, 2, 4), expected: [0.1, 1, 10, 100], shape: [4] },
];
