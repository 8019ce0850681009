/** Conformance cases of writing and reading at computed positions. The expected values are PyTorch's. */
import { arange, tensor } from '../functions.ts';
import type { Tensor } from '../tensor.ts';
import type { OpCase } from './op-case.ts';

const a = (): Tensor => tensor([3, -1, 2, 2, 0, 5, -4, 1, 2.5, -0.5, 4, -1], { shape: [3, 4] });
const i = (): Tensor => tensor(Int32Array.of(5, 2, 2, 9, -3, 0, 2, 7));
const c = (): Tensor => arange(24, undefined, 1, { dtype: 'f32' }).reshape(2, 3, 4).mul(0.5).sub(3);
/** Positions for scatter and gather. */
const at = (): Tensor => tensor(Int32Array.of(0, 2, 1, 0, 2, 2, 0, 1), { shape: [2, 4] });
const from = (): Tensor => tensor([1, 2, 3, 4, 5, 6, 7, 8], { shape: [2, 4] });
const k = (...positions: number[]): Tensor => tensor(Int32Array.from(positions));

export const scatteringCases: readonly OpCase[] = [
  {
    name: 'scatter',
    compute: () => a().scatter(0, at(), from()),
    expected: [1, -1, 7, 4, 0, 5, 3, 8, 5, 6, 4, -1],
    shape: [3, 4],
  },
  {
    name: 'scatter along the last axis',
    compute: () => a().scatter(1, k(3, 1, 0, 2).reshape(2, 2), from()),
    expected: [3, 2, 2, 1, 5, 5, 6, 1, 2.5, -0.5, 4, -1],
    shape: [3, 4],
  },
  {
    name: 'scatter of a number',
    compute: () => a().scatter(1, k(3, 1, 0, 2).reshape(2, 2), 9),
    expected: [3, 9, 2, 9, 9, 5, 9, 1, 2.5, -0.5, 4, -1],
    shape: [3, 4],
  },
  {
    name: 'scatterAdd',
    compute: () => a().scatterAdd(0, at(), from()),
    expected: [4, -1, 9, 6, 0, 5, -1, 9, 7.5, 7.5, 4, -1],
    shape: [3, 4],
  },
  {
    name: 'scatterAdd of integers',
    compute: () => i().scatterAdd(0, k(1, 1, 7), k(10, 20, 30)),
    expected: [5, 32, 2, 9, -3, 0, 2, 37],
    shape: [8],
    dtype: 'i32',
  },
  {
    name: 'scatterReduce sum',
    compute: () => a().scatterReduce(0, at(), from(), 'sum'),
    expected: [4, -1, 9, 6, 0, 5, -1, 9, 7.5, 7.5, 4, -1],
    shape: [3, 4],
  },
  {
    name: 'scatterReduce sum without self',
    compute: () => a().scatterReduce(0, at(), from(), 'sum', { includeSelf: false }),
    expected: [1, -1, 7, 4, 0, 5, 3, 8, 5, 8, 4, -1],
    shape: [3, 4],
  },
  {
    name: 'scatterReduce prod',
    compute: () => a().scatterReduce(0, at(), from(), 'prod'),
    expected: [3, -1, 14, 8, 0, 5, -12, 8, 12.5, -6, 4, -1],
    shape: [3, 4],
  },
  {
    name: 'scatterReduce prod without self',
    compute: () => a().scatterReduce(0, at(), from(), 'prod', { includeSelf: false }),
    expected: [1, -1, 7, 4, 0, 5, 3, 8, 5, 12, 4, -1],
    shape: [3, 4],
  },
  {
    name: 'scatterReduce mean',
    compute: () => a().scatterReduce(0, at(), from(), 'mean'),
    expected: [2, -1, 4.5, 3, 0, 5, -0.5, 4.5, 3.75, 2.5, 4, -1],
    shape: [3, 4],
  },
  {
    name: 'scatterReduce mean without self',
    compute: () => a().scatterReduce(0, at(), from(), 'mean', { includeSelf: false }),
    expected: [1, -1, 7, 4, 0, 5, 3, 8, 5, 4, 4, -1],
    shape: [3, 4],
  },
  {
    name: 'scatterReduce amax',
    compute: () => a().scatterReduce(0, at(), from(), 'amax'),
    expected: [3, -1, 7, 4, 0, 5, 3, 8, 5, 6, 4, -1],
    shape: [3, 4],
  },
  {
    name: 'scatterReduce amax without self',
    compute: () => a().scatterReduce(0, at(), from(), 'amax', { includeSelf: false }),
    expected: [1, -1, 7, 4, 0, 5, 3, 8, 5, 6, 4, -1],
    shape: [3, 4],
  },
  {
    name: 'scatterReduce amin',
    compute: () => a().scatterReduce(0, at(), from(), 'amin'),
    expected: [1, -1, 2, 2, 0, 5, -4, 1, 2.5, -0.5, 4, -1],
    shape: [3, 4],
  },
  {
    name: 'scatterReduce amin without self',
    compute: () => a().scatterReduce(0, at(), from(), 'amin', { includeSelf: false }),
    expected: [1, -1, 7, 4, 0, 5, 3, 8, 5, 2, 4, -1],
    shape: [3, 4],
  },
  {
    name: 'scatterReduce amin of integers',
    compute: () => i().scatterReduce(0, k(1, 1, 7, 3), k(10, -20, 3, 9), 'amin'),
    expected: [5, -20, 2, 9, -3, 0, 2, 3],
    shape: [8],
    dtype: 'i32',
  },
  {
    name: 'scatterReduce mean of integers',
    compute: () => i().scatterReduce(0, k(1, 1, 7, 3), k(10, -20, 3, 9), 'mean'),
    expected: [5, -3, 2, 9, -3, 0, 2, 5],
    shape: [8],
    dtype: 'i32',
  },
  {
    name: 'gather with a smaller index',
    compute: () => a().gather(1, k(3, 0, 1, 1).reshape(2, 2)),
    expected: [2, 3, 5, 5],
    shape: [2, 2],
  },
  {
    name: 'takeAlongAxis with negative positions',
    compute: () => a().takeAlongAxis(1, k(-1, 0, -4, 2, 1, -2).reshape(3, 2)),
    expected: [2, 3, 0, -4, -0.5, 4],
    shape: [3, 2],
  },
  {
    name: 'takeAlongDim broadcasts',
    compute: () => a().takeAlongDim(k(2, 0).reshape(1, 2), 1),
    expected: [2, 3, -4, 0, 4, 2.5],
    shape: [3, 2],
  },
  {
    name: 'takeAlongDim without an axis',
    compute: () => a().takeAlongDim(k(11, 0, 5)),
    expected: [-1, 3, 5],
    shape: [3],
  },
  { name: 'take', compute: () => a().take(k(0, -1, 6, 5).reshape(2, 2)), expected: [3, -1, -4, 5], shape: [2, 2] },
  {
    name: 'indexAdd',
    compute: () => a().indexAdd(0, k(2, 0, 2), a(), { alpha: 0.5 }),
    expected: [3, 1.5, 0, 2.5, 0, 5, -4, 1, 5.25, -1.25, 7, -0.5],
    shape: [3, 4],
  },
  {
    name: 'indexCopy',
    compute: () => a().indexCopy(1, k(2, 0), from().slice(0, 0, 1).expand(3, 4).slice(1, 0, 2)),
    expected: [2, -1, 1, 2, 2, 5, 1, 1, 2, -0.5, 1, -1],
    shape: [3, 4],
  },
  {
    name: 'indexFill',
    compute: () => a().indexFill(1, k(2, 0), -7),
    expected: [-7, -1, -7, 2, -7, 5, -7, 1, -7, -0.5, -7, -1],
    shape: [3, 4],
  },
  {
    name: 'indexPut',
    compute: () => a().indexPut([k(0, 2, 0), k(1, 3, 3)], tensor([10, 20, 30])),
    expected: [3, 10, 2, 30, 0, 5, -4, 1, 2.5, -0.5, 4, 20],
    shape: [3, 4],
  },
  {
    name: 'indexPut, accumulated',
    compute: () => a().indexPut([k(0, 2, 0)], tensor([10, 20, 30, 40]), { accumulate: true }),
    expected: [23, 39, 62, 82, 0, 5, -4, 1, 12.5, 19.5, 34, 39],
    shape: [3, 4],
  },
  {
    name: 'indexPut along a later axis',
    compute: () =>
      a().indexPut(
        [null, k(3, 0)],
        tensor([
          [1, 2],
          [3, 4],
          [5, 6],
        ]),
      ),
    expected: [2, -1, 2, 1, 4, 5, -4, 3, 6, -0.5, 4, 5],
    shape: [3, 4],
  },
  {
    name: 'indexPut at tensors apart',
    compute: () => c().indexPut([k(1, 0), null, k(1, 3)], tensor([10, 20, 30])),
    expected: [-3, -2.5, -2, 10, -1, -0.5, 0, 20, 1, 1.5, 2, 30, 3, 10, 4, 4.5, 5, 20, 6, 6.5, 7, 30, 8, 8.5],
    shape: [2, 3, 4],
  },
  {
    name: 'maskedFill',
    compute: () => a().maskedFill(a().gt(1), Number.NEGATIVE_INFINITY),
    expected: [
      Number.NEGATIVE_INFINITY,
      -1,
      Number.NEGATIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      0,
      Number.NEGATIVE_INFINITY,
      -4,
      1,
      Number.NEGATIVE_INFINITY,
      -0.5,
      Number.NEGATIVE_INFINITY,
      -1,
    ],
    shape: [3, 4],
  },
  {
    name: 'maskedFill broadcasts',
    compute: () => a().maskedFill(tensor([true, false, true, false]), 5),
    expected: [5, -1, 5, 2, 5, 5, 5, 1, 5, -0.5, 5, -1],
    shape: [3, 4],
  },
  {
    name: 'maskedScatter',
    compute: () => a().maskedScatter(a().gt(1), arange(12, undefined, 1, { dtype: 'f32' })),
    expected: [0, -1, 1, 2, 0, 3, -4, 1, 4, -0.5, 5, -1],
    shape: [3, 4],
  },
  {
    name: 'index: numbers and slices',
    compute: () => c().index(1, '1:', '::2'),
    expected: [5, 6, 7, 8],
    shape: [2, 2],
  },
  {
    name: 'index: new axes and the rest',
    compute: () => c().index(null, '...', -1),
    expected: [-1.5, 0.5, 2.5, 4.5, 6.5, 8.5],
    shape: [1, 2, 3],
  },
  {
    name: 'index: negative slice',
    compute: () => c().index(':', '-2:', { start: 1, step: 2 }),
    expected: [-0.5, 0.5, 1.5, 2.5, 5.5, 6.5, 7.5, 8.5],
    shape: [2, 2, 2],
  },
  {
    name: 'index: one tensor',
    compute: () => c().index(':', k(2, 0, -1)),
    expected: [1, 1.5, 2, 2.5, -3, -2.5, -2, -1.5, 1, 1.5, 2, 2.5, 7, 7.5, 8, 8.5, 3, 3.5, 4, 4.5, 7, 7.5, 8, 8.5],
    shape: [2, 3, 4],
  },
  {
    name: 'index: tensors next to each other',
    compute: () => c().index(':', k(2, 0), k(1, 3)),
    expected: [1.5, -1.5, 7.5, 4.5],
    shape: [2, 2],
  },
  {
    name: 'index: tensors apart come first',
    compute: () => c().index(k(1, 0), ':', k(1, 3)),
    expected: [3.5, 5.5, 7.5, -1.5, 0.5, 2.5],
    shape: [2, 3],
  },
  {
    name: 'index: tensors broadcast',
    compute: () => c().index(k(1, 0).unsqueeze(1), k(2, 0, 1), ':2'),
    expected: [7, 7.5, 3, 3.5, 5, 5.5, 1, 1.5, -3, -2.5, -1, -0.5],
    shape: [2, 3, 2],
  },
  {
    name: 'index: a number before tensors',
    compute: () => c().index(0, ':', k(1, 3, 1)),
    expected: [-2.5, -1.5, -2.5, -0.5, 0.5, -0.5, 1.5, 2.5, 1.5],
    shape: [3, 3],
  },
  {
    name: 'index: an array',
    compute: () => c().index('...', [3, 0]),
    expected: [-1.5, -3, 0.5, -1, 2.5, 1, 4.5, 3, 6.5, 5, 8.5, 7],
    shape: [2, 3, 2],
  },
  {
    name: 'slice with a step',
    compute: () => c().slice(2, 1, 4, 2),
    expected: [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5],
    shape: [2, 3, 2],
  },
  { name: 'histc', compute: () => a().histc(4, -4, 5), expected: [1, 4, 4, 3], shape: [4] },
  { name: 'histc over the data', compute: () => a().histc(3), expected: [1, 5, 6], shape: [3] },
  { name: 'histogram', compute: () => a().histogram(4, { range: [-2, 4] }).hist, expected: [2, 2, 3, 3], shape: [4] },
  { name: 'histogram, edges', compute: () => a().histogram(3).binEdges, expected: [-4, -1, 2, 5], shape: [4] },
  {
    name: 'histogram between edges, density',
    compute: () => a().histogram(tensor([-4, 0, 1, 5]), { density: true }).hist,
    expected: [0.083333336, 0.083333336, 0.14583333],
    shape: [3],
  },
  { name: 'countNonzero', compute: () => a().countNonzero(0), expected: [2, 3, 3, 3], shape: [4], dtype: 'i32' },
];
