/** Conformance cases of the linear algebra of small matrices. The expected values are PyTorch's. */
import { stack, tensor } from '../functions.ts';
import * as linalg from '../linalg.ts';
import type { Tensor } from '../tensor.ts';
import type { OpCase } from './op-case.ts';

/** Symmetric and positive definite. */
const s = (): Tensor => tensor([4, 1, -2, 0.5, 1, 3, 0.5, -1, -2, 0.5, 5, 1, 0.5, -1, 1, 6], { shape: [4, 4] });
const g = (): Tensor => tensor([2, -1, 0.5, 3, 0, 1, 4, -2, 1.5, 2, -3, 1, -1, 0.5, 2, 2.5], { shape: [4, 4] });
const r = (): Tensor => tensor([1, 2, -1, 0.5, 3, 2, -2, 1, 1.5, 4, 0, 1], { shape: [4, 3] });

export const linalgCases: readonly OpCase[] = [
  {
    name: 'cholesky',
    compute: () => linalg.cholesky(s()),
    expected: [
      2, 0, 0, 0, 0.5, 1.6583124, 0, 0, -1, 0.60302269, 1.9069252, 0, 0.25, -0.67840052, 0.87003464, 2.1726279,
    ],
    shape: [4, 4],
  },
  {
    name: 'cholesky, upper',
    compute: () => linalg.cholesky(s(), { upper: true }),
    expected: [
      2, 0.5, -1, 0.25, 0, 1.6583124, 0.60302269, -0.67840052, 0, 0, 1.9069252, 0.87003464, 0, 0, 0, 2.1726279,
    ],
    shape: [4, 4],
  },
  {
    name: 'qr, Q',
    compute: () => linalg.qr(r()).q,
    expected: [
      -0.21693051, -0.51761812, 0.73033118, -0.10846523, -0.79536438, -0.33168781, 0.43386093, -0.30615216, -0.46559906,
      -0.86772186, 0.07574898, -0.37392133,
    ],
    shape: [4, 3],
  },
  {
    name: 'qr, R',
    compute: () => linalg.qr(r()).r,
    expected: [-4.6097722, -0.32539582, -0.21693033, 0, -3.7274814, -1.4565897, 0, 0, -2.4660268],
    shape: [3, 3],
  },
  {
    name: 'qr of a wide matrix',
    compute: () => linalg.qr(r().t()).r,
    expected: [
      -2.4494898, -1.8371174, 0.6123724, -1.2247448, 0, -3.1424513, -1.9491158, -0.55689001, 0, 0, -1.7538388, 3.897419,
    ],
    shape: [3, 4],
  },
  {
    name: 'qr, complete',
    compute: () => linalg.qr(r(), 'complete').q,
    expected: [
      -0.21693051, -0.51761812, 0.73033118, -0.38939577, -0.10846523, -0.79536438, -0.33168781, 0.49559465, 0.43386093,
      -0.30615216, -0.46559906, -0.70799232, -0.86772186, 0.07574898, -0.37392133, -0.31859657,
    ],
    shape: [4, 4],
  },
  {
    name: 'solve',
    compute: () => linalg.solve(g(), r()),
    expected: [
      -0.8583411, 1.2227399, -0.006523788, 0.027492957, 0.50046599, 1.0941286, 0.53122085, 0.58527493, 0.22553587,
      0.82618821, -0.079217128, -0.0018639222,
    ],
    shape: [4, 3],
  },
  {
    name: 'solve, batched vectors',
    compute: () =>
      linalg.solve(
        stack([g(), s()]),
        tensor([
          [1, 2, 3, 4],
          [0, 1, 0, -1],
        ]),
      ),
    expected: [-0.0055917501, 1.7949674, 0.47903076, 0.85554522, -0.10526316, 0.34822908, -0.05892089, -0.090036415],
    shape: [2, 4],
  },
  {
    name: 'solve from the right',
    compute: () => linalg.solve(g(), r().t(), { left: false }),
    expected: [
      0.39142591, -0.44035414, 0.52376515, 0.56849957, 0.22553575, 0.99627209, 1.0922648, 0.089468755, -0.37371856,
      0.29543334, 0.43802425, 0.90959924,
    ],
    shape: [3, 4],
  },
  {
    name: 'solveTriangular, lower',
    compute: () => linalg.solveTriangular(s(), r(), { upper: false }),
    expected: [
      0.25, 0.5, -0.25, 0.083333336, 0.83333337, 0.75, -0.30833334, 0.31666666, 0.125, 0.71111119, 0.044444453,
      0.29166669,
    ],
    shape: [4, 3],
  },
  {
    name: 'solveTriangular, upper, ones on the diagonal',
    compute: () => linalg.solveTriangular(g(), r(), { upper: true, unitriangular: true }),
    expected: [24.5, 0.5, -2.25, 32.5, -1, 2, -6, 1, 0.5, 4, 0, 1],
    shape: [4, 3],
  },
  {
    name: 'inv',
    compute: () => linalg.inv(g()),
    expected: [
      0.28704566, 0.17707361, 0.11742778, -0.24976701, -0.14165892, 0.15936625, 0.30568501, 0.17520969, 0.076421246,
      0.16402608, -0.059645854, 0.063373715, 0.082013048, -0.092264675, 0.033550791, 0.21435228,
    ],
    shape: [4, 4],
  },
  { name: 'det of one row', compute: () => linalg.det(tensor([[3]])), expected: [3], shape: [] },
  {
    name: 'det of three rows',
    compute: () => linalg.det(g().slice(0, 0, 3).slice(1, 1, 4)),
    expected: [-33.5],
    shape: [],
  },
  { name: 'det', compute: () => linalg.det(stack([g(), s()])), expected: [-134.125, 188.81248], shape: [2] },
  { name: 'slogdet', compute: () => linalg.slogdet(g()).logabsdet, expected: [4.8987722], shape: [] },
  { name: 'slogdet, sign', compute: () => linalg.slogdet(stack([g(), s()])).sign, expected: [-1, 1], shape: [2] },
  {
    name: 'matrixPower',
    compute: () => linalg.matrixPower(g(), 3),
    expected: [-10.25, 8.75, 26.375, 47.75, 1, -25.5, 66, -11.5, 24.625, 37, -80.5, 22.25, -6.5, 11.375, 33.25, -6.875],
    shape: [4, 4],
  },
  {
    name: 'matrixPower, negative',
    compute: () => linalg.matrixPower(g(), -2),
    expected: [
      0.04580098, 0.12135366, 0.072451919, -0.086765818, -0.025507916, 0.034288198, 0.019726764, 0.12023322,
      -0.00066010887, 0.024041776, 0.064798161, 0.019455772, 0.056755282, -0.014455467, -0.013382795, 0.011423323,
    ],
    shape: [4, 4],
  },
  { name: 'svdvals', compute: () => linalg.svdvals(r()), expected: [4.685329, 4.0778875, 2.2177746], shape: [3] },
  {
    name: 'svd puts the matrix together again',
    compute: () => linalg.svd(r().t()).u.mul(linalg.svd(r().t()).s).matmul(linalg.svd(r().t()).vh),
    expected: [1, 0.5, -2, 4, 2, 3, 1, 0, -1, 2, 1.5, 1],
    shape: [3, 4],
  },
  {
    name: 'pinv',
    compute: () => linalg.pinv(r()),
    expected: [
      0.043024238, 0.0058479481, -0.10359231, 0.18671679, 0.25459474, 0.16081874, 0.0083542541, -0.0795739, -0.29615712,
      0.13450293, 0.18880539, 0.15162909,
    ],
    shape: [3, 4],
  },
  {
    name: 'eigvalsh',
    compute: () => linalg.eigvalsh(g()),
    expected: [-4.6497459, 0.74558067, 2.6694937, 3.7346718],
    shape: [4],
  },
  {
    name: 'eigh: vectors',
    compute: () => linalg.eigh(s()).eigenvectors.abs(),
    expected: [
      0.58857918, 0.46838132, 0.53259557, 0.38798898, 0.60245758, 0.76794249, 0.13424134, 0.17114013, 0.45996541,
      0.43449435, 0.41343328, 0.65476686, 0.28116089, 0.045807354, 0.72621912, 0.62566471,
    ],
    shape: [4, 4],
  },
  {
    name: 'lstsq',
    compute: () => linalg.lstsq(r(), g()),
    expected: [
      -0.25605687, -0.1510025, 0.72911453, 0.48057637, 0.60129488, -0.11685464, 0.58636177, 0.25156629, -0.46073508,
      0.8840853, 0.12677504, -0.58959877,
    ],
    shape: [3, 4],
  },
  { name: 'matrixRank', compute: () => linalg.matrixRank(r().matmul(r().t())), expected: [3], shape: [], dtype: 'i32' },
  { name: 'cond', compute: () => linalg.cond(g()), expected: [2.6907427], shape: [], tolerance: 0.0001 },
];
