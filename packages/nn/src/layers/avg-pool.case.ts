/** Check cases of average pooling. */
import { type CaseConfig, layerCase, normal } from '../cases/index.ts';
import type { Dims } from '../sizes.ts';
import { AvgPool1d, AvgPool2d, AvgPool3d, type AvgPoolOptions } from './avg-pool.ts';

const options = <D extends Dims>(c: CaseConfig, dims: D): AvgPoolOptions<D> => ({
  ...(c.has('stride') ? { stride: c.perAxis('stride', dims) } : {}),
  padding: c.perAxis('padding', dims, 0),
  ceilMode: c.boolean('ceil_mode', false),
  countIncludePad: c.boolean('count_include_pad', true),
  ...(c.has('divisor_override') ? { divisorOverride: c.number('divisor_override') } : {}),
});

export default [
  layerCase({
    name: 'AvgPool1d',
    build: (c) => new AvgPool1d(c.perAxis('kernel_size', 1), options(c, 1)),
    torch: 'nn.AvgPool1d',
    cases: [
      {
        name: 'avgpool1d-f64',
        config: { kernel_size: 3, stride: 2, padding: 1, ceil_mode: true },
        inputs: { x: normal([2, 3, 8]) },
      },
    ],
  }),
  layerCase({
    name: 'AvgPool2d',
    build: (c) => new AvgPool2d(c.perAxis('kernel_size', 2), options(c, 2)),
    torch: 'nn.AvgPool2d',
    cases: [
      { name: 'halves', config: { kernel_size: 2 }, inputs: { x: normal([2, 3, 6, 6]) }, only: 'gradcheck' },
      {
        name: 'avgpool2d-without-padding-f64',
        config: { kernel_size: [3, 2], stride: 2, padding: 1, ceil_mode: true, count_include_pad: false },
        inputs: { x: normal([2, 3, 6, 5]) },
      },
      {
        name: 'avgpool2d-divisor-f64',
        config: { kernel_size: 2, stride: 1, divisor_override: 3 },
        inputs: { x: normal([3, 4, 5]) },
      },
    ],
  }),
  layerCase({
    name: 'AvgPool3d',
    build: (c) => new AvgPool3d(c.perAxis('kernel_size', 3), options(c, 3)),
    torch: 'nn.AvgPool3d',
    cases: [
      {
        name: 'avgpool3d-f64',
        config: { kernel_size: [2, 3, 2], stride: 2, padding: [1, 1, 0], count_include_pad: false },
        inputs: { x: normal([1, 2, 4, 5, 4]) },
      },
    ],
  }),
];
