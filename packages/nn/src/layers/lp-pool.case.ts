/** Check cases of power-average pooling. */
import { type CaseConfig, layerCase, uniform } from '../cases/index.ts';
import type { Dims } from '../sizes.ts';
import { LPPool1d, LPPool2d, LPPool3d, type LPPoolOptions } from './lp-pool.ts';

const options = <D extends Dims>(c: CaseConfig, dims: D): LPPoolOptions<D> => ({
  ...(c.has('stride') ? { stride: c.perAxis('stride', dims) } : {}),
  ceilMode: c.boolean('ceil_mode', false),
});

export default [
  layerCase({
    name: 'LPPool1d',
    build: (c) => new LPPool1d(c.number('norm_type'), c.perAxis('kernel_size', 1), options(c, 1)),
    torch: 'nn.LPPool1d',
    cases: [
      {
        name: 'lppool1d-f64',
        config: { norm_type: 2, kernel_size: 3, stride: 2, ceil_mode: true },
        inputs: { x: uniform([2, 3, 8], { low: 0.5, high: 2 }) },
      },
    ],
  }),
  layerCase({
    name: 'LPPool2d',
    build: (c) => new LPPool2d(c.number('norm_type'), c.perAxis('kernel_size', 2), options(c, 2)),
    torch: 'nn.LPPool2d',
    cases: [
      {
        name: 'lppool2d-f64',
        config: { norm_type: 3, kernel_size: [2, 3] },
        inputs: { x: uniform([2, 3, 5, 6], { low: 0.5, high: 2 }) },
      },
    ],
  }),
  // PyTorch 1.13 does not have it.
  layerCase({
    name: 'LPPool3d',
    build: (c) => new LPPool3d(c.number('norm_type'), c.perAxis('kernel_size', 3), options(c, 3)),
    cases: [
      {
        name: 'cubes',
        config: { norm_type: 2, kernel_size: 2 },
        inputs: { x: uniform([1, 2, 4, 4, 3], { low: 0.5, high: 2 }) },
        only: 'gradcheck',
      },
    ],
  }),
];
