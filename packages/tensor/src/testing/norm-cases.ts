/** Conformance cases of norms. The expected values are PyTorch's. */
import { arange, tensor } from '../functions.ts';
import * as linalg from '../linalg.ts';
import type { Tensor } from '../tensor.ts';
import type { OpCase } from './op-case.ts';

const a = (): Tensor => tensor([3, -1, 2, 2, 0, 5, -4, 1, 2.5, -0.5, 4, -1], { shape: [3, 4] });
const c = (): Tensor => arange(24, undefined, 1, { dtype: 'f32' }).reshape(2, 3, 4).mul(0.5).sub(3);

export const normCases: readonly OpCase[] = [
  { name: 'vectorNorm of order 0', compute: () => linalg.vectorNorm(a(), 0, 1), expected: [4, 3, 4], shape: [3] },
  { name: 'vectorNorm of order 1', compute: () => linalg.vectorNorm(a(), 1, 1), expected: [8, 10, 8], shape: [3] },
  {
    name: 'vectorNorm of order 2',
    compute: () => linalg.vectorNorm(a(), 2, 1),
    expected: [4.2426405, 6.4807405, 4.8476801],
    shape: [3],
  },
  {
    name: 'vectorNorm of order 3',
    compute: () => linalg.vectorNorm(a(), 3, 1),
    expected: [3.5303485, 5.7488976, 4.3222928],
    shape: [3],
  },
  {
    name: 'vectorNorm of order -1',
    compute: () => linalg.vectorNorm(a(), -1, 1),
    expected: [0.4285714, 0, 0.2739726],
    shape: [3],
  },
  {
    name: 'vectorNorm of order -2',
    compute: () => linalg.vectorNorm(a(), -2, 1),
    expected: [0.78783858, 0, 0.43758336],
    shape: [3],
  },
  {
    name: 'vectorNorm of order 0.5',
    compute: () => linalg.vectorNorm(a(), 0.5, 1),
    expected: [30.918919, 27.416407, 27.965542],
    shape: [3],
  },
  {
    name: 'vectorNorm of order -0.5',
    compute: () => linalg.vectorNorm(a(), -0.5, 1),
    expected: [0.11173866, 0, 0.079498455],
    shape: [3],
  },
  {
    name: 'vectorNorm of order inf',
    compute: () => linalg.vectorNorm(a(), Number.POSITIVE_INFINITY, 1),
    expected: [3, 5, 4],
    shape: [3],
  },
  {
    name: 'vectorNorm of order -inf',
    compute: () => linalg.vectorNorm(a(), Number.NEGATIVE_INFINITY, 1),
    expected: [1, 0, 0.5],
    shape: [3],
  },
  {
    name: 'matrixNorm of order fro',
    compute: () => linalg.matrixNorm(c(), 'fro'),
    expected: [6.041523, 20.796635],
    shape: [2],
  },
  {
    name: 'matrixNorm of order nuc',
    compute: () => linalg.matrixNorm(c(), 'nuc'),
    expected: [7.6425719, 21.316866],
    shape: [2],
  },
  { name: 'matrixNorm of order 1', compute: () => linalg.matrixNorm(c(), 1), expected: [5, 19.5], shape: [2] },
  { name: 'matrixNorm of order -1', compute: () => linalg.matrixNorm(c(), -1), expected: [4, 15], shape: [2] },
  {
    name: 'matrixNorm of order 2',
    compute: () => linalg.matrixNorm(c(), 2),
    expected: [5.7312002, 20.789955],
    shape: [2],
  },
  {
    name: 'matrixNorm of order -2',
    compute: () => linalg.matrixNorm(c(), -2),
    expected: [3.4303147e-7, 3.6410762e-7],
    shape: [2],
    tolerance: 0.0002,
  },
  {
    name: 'matrixNorm of order inf',
    compute: () => linalg.matrixNorm(c(), Number.POSITIVE_INFINITY),
    expected: [9, 31],
    shape: [2],
  },
  {
    name: 'matrixNorm of order -inf',
    compute: () => linalg.matrixNorm(c(), Number.NEGATIVE_INFINITY),
    expected: [2, 15],
    shape: [2],
  },
  {
    name: 'norm with an order',
    compute: () => a().norm(0, true, 3),
    expected: [3.4931841, 5.0149555, 5.1425633, 2.1544347],
    shape: [1, 4],
  },
  { name: 'norm of all', compute: () => linalg.norm(c()), expected: [21.656408], shape: [] },
  {
    name: 'renorm',
    compute: () => a().renorm(2, 0, 3),
    expected: [
      2.1213205, -0.70710683, 1.4142137, 1.4142137, 0, 2.3145504, -1.8516402, 0.46291006, 1.5471318, -0.30942637,
      2.4754109, -0.61885273,
    ],
    shape: [3, 4],
  },
];
