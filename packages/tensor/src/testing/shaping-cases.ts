/** Conformance cases of views, concatenation and indexing. */
import { arange, concat, stack, tensor, zeros } from '../functions.ts';
import { nth } from '../kernel/nth.ts';
import type { Tensor } from '../tensor.ts';
import { type OpCase, tabulate } from './op-case.ts';

/** The value of `x` at [i, j, k]: 100 i + 10 j + k. */
const at = (i: number, j: number, k: number): number => 100 * i + 10 * j + k;
const x = (): Tensor => tensor(tabulate([2, 3, 4], at), { shape: [2, 3, 4] });

/** A case on `x`, with the expected shape and the expected value at each index. */
const view = (
  name: string,
  compute: (x: Tensor) => Tensor,
  shape: number[],
  expected: (...index: number[]) => number,
): OpCase => ({
  name,
  compute: () => compute(x()),
  expected: tabulate(shape, expected),
  shape,
});

const flat = (position: number): number => at(Math.floor(position / 12), Math.floor(position / 4) % 3, position % 4);

const views: OpCase[] = [
  view(
    'reshape',
    (t) => t.reshape(4, 6),
    [4, 6],
    (i, j) => flat(6 * i + j),
  ),
  view(
    'reshape with an inferred size',
    (t) => t.reshape([-1, 8]),
    [3, 8],
    (i, j) => flat(8 * i + j),
  ),
  view(
    'permute',
    (t) => t.permute(2, 0, -2),
    [4, 2, 3],
    (i, j, k) => at(j, k, i),
  ),
  view(
    'transpose',
    (t) => t.transpose(),
    [2, 4, 3],
    (i, j, k) => at(i, k, j),
  ),
  view(
    'transpose of named axes',
    (t) => t.transpose(0, 2),
    [4, 3, 2],
    (i, j, k) => at(k, j, i),
  ),
  view(
    'expand',
    (t) => t.slice(1, 1, 2).expand(5, -1, 3, -1),
    [5, 2, 3, 4],
    (_, i, _j, k) => at(i, 1, k),
  ),
  view(
    'broadcastTo',
    (t) => t.select(0, 1).broadcastTo(2, 3, 4),
    [2, 3, 4],
    (_, j, k) => at(1, j, k),
  ),
  view('squeeze and unsqueeze', (t) => t.unsqueeze(1).unsqueeze(-1).squeeze(), [2, 3, 4], at),
  view(
    'squeeze of named axes',
    (t) => t.unsqueeze(0).unsqueeze(0).squeeze([1, 2]),
    [1, 2, 3, 4],
    (_, i, j, k) => at(i, j, k),
  ),
  view('flatten', (t) => t.flatten(), [24], flat),
  view(
    'flatten of some axes',
    (t) => t.flatten(1),
    [2, 12],
    (i, j) => flat(12 * i + j),
  ),
  view(
    'flatten of a scalar',
    (t) => t.select(0, 0).select(0, 0).select(0, 3).flatten(),
    [1],
    () => 3,
  ),
  view(
    'unflatten',
    (t) => t.unflatten(-1, [2, -1]),
    [2, 3, 2, 2],
    (i, j, k, l) => at(i, j, 2 * k + l),
  ),
  view(
    'pad',
    (t) =>
      t.pad([
        [0, 0],
        [1, 0],
        [0, 2],
      ]),
    [2, 4, 6],
    (i, j, k) => (j > 0 && k < 4 ? at(i, j - 1, k) : 0),
  ),
  view(
    'pad with a value',
    (t) =>
      t.pad(
        [
          [1, 0],
          [0, 0],
          [0, 1],
        ],
        -7,
      ),
    [3, 3, 5],
    (i, j, k) => (i > 0 && k < 4 ? at(i - 1, j, k) : -7),
  ),
  view(
    'pad with infinity',
    (t) =>
      t.pad(
        [
          [0, 0],
          [0, 0],
          [1, 0],
        ],
        Number.NEGATIVE_INFINITY,
      ),
    [2, 3, 5],
    (i, j, k) => (k > 0 ? at(i, j, k - 1) : Number.NEGATIVE_INFINITY),
  ),
  view(
    'slice',
    (t) => t.slice(1, 1),
    [2, 2, 4],
    (i, j, k) => at(i, j + 1, k),
  ),
  view(
    'slice from the end',
    (t) => t.slice(-1, -3, -1),
    [2, 3, 2],
    (i, j, k) => at(i, j, k + 1),
  ),
  view('slice is clamped', (t) => t.slice(2, -9, 9), [2, 3, 4], at),
  view(
    'an empty slice',
    (t) => t.slice(2, 3, 1),
    [2, 3, 0],
    () => 0,
  ),
  view(
    'select',
    (t) => t.select(1, -1),
    [2, 4],
    (i, k) => at(i, 2, k),
  ),
  view(
    'flip',
    (t) => t.flip([0, -1]),
    [2, 3, 4],
    (i, j, k) => at(1 - i, j, 3 - k),
  ),
  view(
    'split',
    (t) => nth(t.split([1, 3], 2), 1),
    [2, 3, 3],
    (i, j, k) => at(i, j, k + 1),
  ),
  view(
    'split of one size',
    (t) => nth(t.split(3, -1), 1),
    [2, 3, 1],
    (i, j) => at(i, j, 3),
  ),
  view(
    'chunk',
    (t) => nth(t.chunk(2, 1), 1),
    [2, 1, 4],
    (i, _, k) => at(i, 2, k),
  ),
  view(
    'repeat',
    (t) => t.select(0, 0).repeat(2, 1, 3),
    [2, 3, 12],
    (_, j, k) => at(0, j, k % 4),
  ),
  view(
    'window',
    (t) => t.window([{ axis: 2, size: 2, stride: 2 }]),
    [2, 3, 2, 2],
    (i, j, k, w) => at(i, j, 2 * k + w),
  ),
  view(
    'windows over two axes, dilated',
    (t) =>
      t.window([
        { axis: -1, size: 2, dilation: 2 },
        { axis: 0, size: 2 },
      ]),
    [1, 3, 2, 2, 2],
    (_, j, k, v, w) => at(w, j, k + 2 * v),
  ),
  view(
    'contiguous',
    (t) => t.transpose(0, 2).contiguous(),
    [4, 3, 2],
    (i, j, k) => at(k, j, i),
  ),
  view('detach', (t) => t.detach(), [2, 3, 4], at),
  view(
    'views of views',
    (t) =>
      t
        .pad([
          [0, 0],
          [1, 1],
          [0, 0],
        ])
        .transpose(1, 2)
        .reshape(2, 20)
        .slice(1, 2, 18)
        .flip(1),
    [2, 16],
    (i, p) => {
      const position = 17 - p;
      const [k, j] = [Math.floor(position / 5), position % 5];
      return j >= 1 && j <= 3 ? at(i, j - 1, k) : 0;
    },
  ),
];

const joining: OpCase[] = [
  view(
    'concat',
    (t) => concat([t, t.slice(1, 0, 1), zeros([2, 0, 4])], 1),
    [2, 4, 4],
    (i, j, k) => at(i, j % 3, k),
  ),
  view(
    'concat along the last axis',
    (t) => concat([t.slice(2, 2), t], -1),
    [2, 3, 6],
    (i, j, k) => at(i, j, (k + 2) % 4),
  ),
  view(
    'stack',
    (t) => stack([t, t.mul(2)], -1),
    [2, 3, 4, 2],
    (i, j, k, l) => (l + 1) * at(i, j, k),
  ),
  {
    name: 'concat promotes',
    compute: () => concat([tensor(Int32Array.of(1)), tensor([0.5])]),
    expected: [1, 0.5],
    shape: [2],
  },
];

const indexing: OpCase[] = [
  view(
    'indexSelect',
    (t) => t.indexSelect(1, tensor(Int32Array.of(2, 0, 2, 1))),
    [2, 4, 4],
    (i, j, k) => at(i, nth([2, 0, 2, 1], j), k),
  ),
  view(
    'indexSelect by a matrix',
    (t) =>
      t.indexSelect(
        -1,
        tensor(
          [
            [3, 1],
            [0, 2],
          ],
          { dtype: 'i32' },
        ),
      ),
    [2, 3, 2, 2],
    (i, j, a, b) => at(i, j, nth([3, 1, 0, 2], 2 * a + b)),
  ),
  view(
    'takeAlongAxis',
    (t) => t.takeAlongAxis(1, arange(16).reshape(2, 2, 4).remainder(3)),
    [2, 2, 4],
    (i, j, k) => at(i, (8 * i + 4 * j + k) % 3, k),
  ),
  {
    name: 'oneHot',
    compute: () => tensor(Int32Array.of(2, 0, 1)).oneHot(3),
    expected: [0, 0, 1, 1, 0, 0, 0, 1, 0],
    shape: [3, 3],
  },
];

export const shapingCases: readonly OpCase[] = [...views, ...joining, ...indexing];
