/**
 * Conformance cases of f16 and bf16. Values stay in f32 between loads and stores. So the expected values are exact, computed from operands
 * that are exact in the type, and the tolerance is that of the one rounding at the end.
 */
import { concat, einsum, tensor, where } from '../functions.ts';
import * as graph from '../graph/graph.ts';
import { castNumber, type HalfDType } from '../kernel/dtype.ts';
import { nth } from '../kernel/nth.ts';
import { type Shape, sizeOf } from '../kernel/shape.ts';
import { autocast } from '../ops/autocast.ts';
import { Tensor } from '../tensor.ts';
import { elementAt, type OpCase, scattered, sumOver, tabulate } from './op-case.ts';

/** Half a unit in the last place, relative to the value. */
const halfUnit: Readonly<Record<HalfDType, number>> = { f16: 2 ** -11, bf16: 2 ** -8 };

function casesOf(dtype: HalfDType): OpCase[] {
  const round = castNumber[dtype];
  const tolerance = 1.01 * halfUnit[dtype];
  const needs = [dtype];
  const rounded = { dtype, needs, tolerance } as const;
  const single = { dtype: 'f32', needs } as const;

  /** A tensor of the dtype, and its values by index. */
  const data = (shape: Shape, range = 2) => {
    const values = scattered(sizeOf(shape), range).map(round);
    return {
      t: () => tensor(values, { shape, dtype }),
      at: (...index: number[]) => elementAt(values, shape, index),
    };
  };

  const ulp = 2 * halfUnit[dtype];
  const smallest = dtype === 'f16' ? 2 ** -24 : 2 ** -133;
  const largest = dtype === 'f16' ? 65504 : (2 - 2 ** -7) * 2 ** 127;
  /** Ties, subnormal numbers, numbers that are too large, infinities and NaN. */
  const hard = [
    ...[1 + ulp / 2, 1 + 1.5 * ulp, -1 - ulp / 2, 1 + ulp / 2 + 2 ** -23, 1 + ulp / 2 - 2 ** -23],
    ...[smallest, smallest / 2, 1.5 * smallest, 2.5 * smallest, -3 * smallest, 0, -0],
    ...[largest, -largest, largest * (1 + ulp / 8), largest * (1 + ulp / 2 + 2 ** -20)],
    ...[Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 0.1, -1 / 3, 12345.678],
  ].map(Math.fround);

  const x = data([3, 5, 7]);
  const y = data([5, 7]);
  const long = data([6, 257], 1);
  const [a, b] = [data([2, 9, 21]), data([2, 21, 18])];
  const picture = data([2, 3, 7, 6], 1);
  const weights = data([4, 3, 3, 3], 1);
  const table = data([6, 5]);
  const rows = [4, 0, 5, 5, -1, 2];

  const softmaxRow = (r: number): number[] => {
    const largestOfRow = Math.max(...Array.from({ length: 257 }, (_, c) => long.at(r, c)));
    const e = Array.from({ length: 257 }, (_, c) => Math.exp(long.at(r, c) - largestOfRow));
    const sum = e.reduce((s, v) => s + v, 0);
    return e.map((v) => v / sum);
  };

  const cases: OpCase[] = [
    {
      name: 'a cast rounds to nearest, ties to even, in memory',
      compute: () => tensor(hard).cast(dtype),
      expected: hard.map(round),
      shape: [hard.length],
      ...rounded,
      tolerance: 0,
    },
    {
      name: 'a cast to the type and back also rounds in registers',
      compute: () => tensor(hard).cast(dtype).cast('f32').mul(1),
      expected: hard.map(round),
      shape: [hard.length],
      ...single,
      tolerance: 0,
    },
    {
      name: 'data are rounded as a cast rounds',
      compute: () => tensor(hard, { dtype }).cast('f32'),
      expected: hard.map(round),
      shape: [hard.length],
      ...single,
      tolerance: 0,
    },
    {
      name: 'from integers and to integers and bool',
      compute: () =>
        tensor(Int32Array.of(-3, 0, 7, 1000))
          .cast(dtype)
          .mul(1.5)
          .cast('i32'),
      expected: [-4, 0, 10, 1500],
      shape: [4],
      dtype: 'i32',
      needs,
    },
    {
      name: 'sums broadcast',
      compute: () => x.t().add(y.t()),
      expected: tabulate([3, 5, 7], (i, j, k) => x.at(i, j, k) + y.at(j, k)),
      shape: [3, 5, 7],
      ...rounded,
    },
    {
      name: 'a number as the other operand is not rounded',
      compute: () => x.t().mul(0.1),
      expected: tabulate([3, 5, 7], (i, j, k) => Math.fround(0.1) * x.at(i, j, k)),
      shape: [3, 5, 7],
      ...rounded,
    },
    {
      name: 'with f32 is promoted to f32',
      compute: () => y.t().mul(tensor(scattered(35), { shape: [5, 7] })),
      expected: tabulate([5, 7], (j, k) => y.at(j, k) * Math.fround(nth(scattered(35), j * 7 + k))),
      shape: [5, 7],
      ...single,
    },
    {
      name: 'with integers keeps the type',
      compute: () => y.t().mul(tensor(Int32Array.from({ length: 7 }, (_, k) => k - 3))),
      expected: tabulate([5, 7], (j, k) => y.at(j, k) * (k - 3)),
      shape: [5, 7],
      ...rounded,
    },
    {
      name: 'a chain of functions is rounded once',
      compute: () => x.t().mul(0.5).exp().add(1).log().sub(x.t().tanh()),
      expected: tabulate([3, 5, 7], (i, j, k) => Math.log(Math.exp(x.at(i, j, k) / 2) + 1) - Math.tanh(x.at(i, j, k))),
      shape: [3, 5, 7],
      ...rounded,
    },
    {
      name: 'transposed, flipped, sliced and padded',
      compute: () =>
        x
          .t()
          .permute(2, 0, 1)
          .flip([0])
          .slice(2, 1, 4)
          .pad([
            [0, 0],
            [1, 0],
            [0, 2],
          ]),
      expected: tabulate([7, 4, 5], (k, i, j) => (i === 0 || j > 2 ? 0 : x.at(i - 1, j + 1, 6 - k))),
      shape: [7, 4, 5],
      ...rounded,
      tolerance: 0,
    },
    {
      name: 'joined, and chosen by a condition',
      compute: () => {
        const joined = concat([y.t(), y.t().neg()], 1);
        return where(joined.gt(0), joined, -1);
      },
      expected: tabulate([5, 14], (j, k) => Math.max(k < 7 ? y.at(j, k) : -y.at(j, k - 7), 0) || -1),
      shape: [5, 14],
      ...rounded,
      tolerance: 0,
    },
    {
      name: 'long sums are added up in f32',
      compute: () => tensor(new Float32Array(40_000).fill(0.25), { dtype }).reshape(4, 10_000).sum(1),
      expected: [2500, 2500, 2500, 2500],
      shape: [4],
      ...rounded,
    },
    {
      name: 'maximum and mean of rows',
      compute: () => long.t().max(1).add(long.t().mean(1)),
      expected: tabulate(
        [6],
        (r) =>
          Math.max(...Array.from({ length: 257 }, (_, c) => long.at(r, c))) + sumOver(257, (c) => long.at(r, c)) / 257,
      ),
      shape: [6],
      ...rounded,
      // The mean is a separate value, which is also rounded.
      tolerance: 2 * tolerance,
    },
    {
      name: 'softmax',
      compute: () => long.t().softmax(1),
      expected: tabulate([6, 257], (r, c) => nth(softmaxRow(r), c)),
      shape: [6, 257],
      ...rounded,
    },
    {
      name: 'variance and logsumexp return f32 in mixed precision',
      compute: () => autocast(dtype, () => long.t().variance(1).add(long.t().logsumexp(1))),
      expected: tabulate([6], (r) => {
        const values = Array.from({ length: 257 }, (_, c) => long.at(r, c));
        const mean = values.reduce((s, v) => s + v, 0) / 257;
        return (
          values.reduce((s, v) => s + (v - mean) ** 2, 0) / 256 +
          Math.log(sumOver(257, (c) => Math.exp(nth(values, c))))
        );
      }),
      shape: [6],
      ...single,
    },
    {
      name: 'products of matrices, with an epilogue',
      compute: () => a.t().matmul(b.t()).mul(0.5).add(1),
      expected: tabulate([2, 9, 18], (q, i, j) => 0.5 * sumOver(21, (k) => a.at(q, i, k) * b.at(q, k, j)) + 1),
      shape: [2, 9, 18],
      ...rounded,
    },
    {
      name: 'products of matrices, transposed, cast to f32',
      compute: () => einsum('qik,qkj->jqi', a.t(), b.t()).cast('f32'),
      expected: tabulate([18, 2, 9], (j, q, i) => sumOver(21, (k) => a.at(q, i, k) * b.at(q, k, j))),
      shape: [18, 2, 9],
      ...single,
      tolerance,
    },
    {
      name: 'mixed precision rounds the operands of a convolution through its windows',
      compute: () =>
        autocast(dtype, () =>
          einsum(
            'ncpqij,ocij->nopq',
            picture
              .t()
              .cast('f32')
              .pad([
                [0, 0],
                [0, 0],
                [1, 1],
                [1, 1],
              ])
              .window([
                { axis: 2, size: 3, stride: 2, dilation: 1 },
                { axis: 3, size: 3, stride: 1, dilation: 1 },
              ]),
            weights.t().cast('f32'),
          ),
        ),
      expected: tabulate([2, 4, 4, 6], (n, o, p, q) =>
        sumOver(27, (k) => {
          const [c, i, j] = [Math.floor(k / 9), Math.floor(k / 3) % 3, k % 3];
          const [row, column] = [2 * p + i - 1, q + j - 1];
          const inside = row >= 0 && row < 7 && column >= 0 && column < 6;
          return inside ? picture.at(n, c, row, column) * weights.at(o, c, i, j) : 0;
        }),
      ),
      shape: [2, 4, 4, 6],
      ...rounded,
    },
    {
      name: 'rows of a table',
      compute: () => table.t().indexSelect(0, tensor(Int32Array.of(4, 0, 5, 5, 2))),
      expected: tabulate([5, 5], (r, c) => table.at(nth([4, 0, 5, 5, 2], r), c)),
      shape: [5, 5],
      ...rounded,
      tolerance: 0,
    },
    {
      name: 'rows added into a table are added in f32',
      compute: () => Tensor.fromNode(graph.scatterAdd(table.t().node, tensor(Int32Array.from(rows)).node, 0, 7)),
      expected: tabulate([7, 5], (r, c) => sumOver(6, (k) => (rows[k] === r ? table.at(k, c) : 0))),
      shape: [7, 5],
      ...rounded,
    },
  ];
  return cases.map((opCase) => ({ ...opCase, name: `${dtype}: ${opCase.name}` }));
}

const promotion: OpCase = {
  name: 'f16 and bf16 are promoted to f32',
  compute: () => tensor([0.1, 3], { dtype: 'f16' }).mul(tensor([0.1, 7], { dtype: 'bf16' })),
  expected: [castNumber.f16(0.1) * castNumber.bf16(0.1), 21],
  shape: [2],
  needs: ['f16', 'bf16'],
};

export const halfCases: readonly OpCase[] = [...casesOf('f16'), ...casesOf('bf16'), promotion];
