/** Check cases of max pooling. */
import { type CaseConfig, functionCase, layerCase, normal } from '../cases/index.ts';
import type { Dims } from '../sizes.ts';
import { MaxPool1d, MaxPool2d, MaxPool3d, type MaxPoolOptions, maxPool2dWithIndices } from './max-pool.ts';

const options = <D extends Dims>(c: CaseConfig, dims: D): MaxPoolOptions<D> => ({
  ...(c.has('stride') ? { stride: c.perAxis('stride', dims) } : {}),
  padding: c.perAxis('padding', dims, 0),
  dilation: c.perAxis('dilation', dims, 1),
  ceilMode: c.boolean('ceil_mode', false),
});

export default [
  layerCase({
    name: 'MaxPool1d',
    build: (c) => new MaxPool1d(c.perAxis('kernel_size', 1), options(c, 1)),
    torch: 'nn.MaxPool1d',
    cases: [
      {
        name: 'maxpool1d-dilated-f64',
        config: { kernel_size: 3, stride: 2, padding: 1, dilation: 2 },
        inputs: { x: normal([2, 3, 9]) },
      },
    ],
  }),
  layerCase({
    name: 'MaxPool2d',
    build: (c) => new MaxPool2d(c.perAxis('kernel_size', 2), options(c, 2)),
    torch: 'nn.MaxPool2d',
    cases: [
      {
        name: 'maxpool2d-padded-f64',
        config: { kernel_size: 3, stride: 2, padding: 1 },
        inputs: { x: normal([2, 3, 5, 4]) },
      },
      {
        name: 'maxpool2d-ceil-f64',
        config: { kernel_size: [3, 2], stride: 2, padding: [1, 0], ceil_mode: true },
        inputs: { x: normal([3, 6, 7]) },
      },
    ],
  }),
  layerCase({
    name: 'MaxPool3d',
    build: (c) => new MaxPool3d(c.perAxis('kernel_size', 3), options(c, 3)),
    torch: 'nn.MaxPool3d',
    cases: [
      {
        name: 'maxpool3d-f64',
        config: { kernel_size: [2, 3, 2], stride: [2, 1, 2], padding: [0, 1, 1] },
        inputs: { x: normal([1, 2, 4, 4, 5]) },
      },
    ],
  }),
  functionCase({
    name: 'maxPool2dWithIndices',
    forward: (_, c, x) => {
      const { output, indices } = maxPool2dWithIndices(x, c.perAxis('kernel_size', 2), options(c, 2));
      // Of integers, reference cases only have inputs.
      return { out: output, indices: indices.cast(x.dtype) };
    },
    torch: {
      build: 'functions.of(F.max_pool2d, return_indices=True)',
      forward: "lambda m, x: dict(zip(('out', 'indices'), (y.to(x.dtype) for y in m(x))))",
    },
    cases: [
      {
        name: 'maxpool2d-indices-f64',
        config: { kernel_size: 3, stride: 2, padding: 1, ceil_mode: true },
        inputs: { x: normal([2, 2, 6, 5]) },
        outputs: ['out', 'indices'],
        only: 'torch',
      },
    ],
  }),
];
