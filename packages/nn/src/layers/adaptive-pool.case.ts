/** Check cases of adaptive pooling. */
import { type CaseConfig, layerCase, normal } from '../cases/index.ts';
import type { Dims, PerAxis } from '../sizes.ts';
import {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveAvgPool3d,
  AdaptiveMaxPool1d,
  AdaptiveMaxPool2d,
  AdaptiveMaxPool3d,
} from './adaptive-pool.ts';

const size = <D extends Dims>(c: CaseConfig, dims: D): PerAxis<D> => c.perAxis('output_size', dims);

export default [
  layerCase({
    name: 'AdaptiveAvgPool1d',
    build: (c) => new AdaptiveAvgPool1d(size(c, 1)),
    torch: 'nn.AdaptiveAvgPool1d',
    cases: [{ name: 'adaptiveavgpool1d-f64', config: { output_size: 3 }, inputs: { x: normal([2, 3, 7]) } }],
  }),
  layerCase({
    name: 'AdaptiveAvgPool2d',
    build: (c) => new AdaptiveAvgPool2d(size(c, 2)),
    torch: 'nn.AdaptiveAvgPool2d',
    cases: [
      { name: 'adaptiveavgpool2d-f64', config: { output_size: [4, 3] }, inputs: { x: normal([2, 3, 7, 6]) } },
      { name: 'adaptiveavgpool2d-larger-f64', config: { output_size: [5, 2] }, inputs: { x: normal([3, 3, 5]) } },
      { name: 'everything', config: { output_size: 1 }, inputs: { x: normal([2, 3, 4, 5]) }, only: 'gradcheck' },
    ],
  }),
  layerCase({
    name: 'AdaptiveAvgPool3d',
    build: (c) => new AdaptiveAvgPool3d(size(c, 3)),
    torch: 'nn.AdaptiveAvgPool3d',
    cases: [
      { name: 'adaptiveavgpool3d-f64', config: { output_size: [2, 3, 2] }, inputs: { x: normal([1, 2, 3, 5, 4]) } },
    ],
  }),
  layerCase({
    name: 'AdaptiveMaxPool1d',
    build: (c) => new AdaptiveMaxPool1d(size(c, 1)),
    torch: 'nn.AdaptiveMaxPool1d',
    cases: [{ name: 'adaptivemaxpool1d-f64', config: { output_size: 3 }, inputs: { x: normal([2, 3, 7]) } }],
  }),
  layerCase({
    name: 'AdaptiveMaxPool2d',
    build: (c) => new AdaptiveMaxPool2d(size(c, 2)),
    torch: 'nn.AdaptiveMaxPool2d',
    cases: [
      { name: 'adaptivemaxpool2d-f64', config: { output_size: [4, 3] }, inputs: { x: normal([2, 3, 7, 5]) } },
      {
        name: 'equal windows',
        config: { output_size: [3, 2] },
        inputs: { x: normal([2, 3, 6, 4]) },
        only: 'gradcheck',
      },
    ],
  }),
  layerCase({
    name: 'AdaptiveMaxPool3d',
    build: (c) => new AdaptiveMaxPool3d(size(c, 3)),
    torch: 'nn.AdaptiveMaxPool3d',
    cases: [
      { name: 'adaptivemaxpool3d-f64', config: { output_size: [2, 3, 2] }, inputs: { x: normal([1, 2, 3, 5, 4]) } },
    ],
  }),
];
