/** Check cases of AvgPool2d and MaxPool2d. */
import { type CaseConfig, layerCase, normal } from '../cases/index.ts';
import { AvgPool2d, MaxPool2d, type PoolOptions } from './pooling.ts';

const options = (c: CaseConfig): PoolOptions => ({
  ...(c.has('stride') ? { stride: c.pair('stride') } : {}),
  padding: c.pair('padding', 0),
});

export default [
  layerCase({
    name: 'AvgPool2d',
    build: (c) => new AvgPool2d(c.pair('kernel_size'), options(c)),
    cases: [{ name: 'halves', config: { kernel_size: 2 }, inputs: { x: normal([2, 3, 6, 6]) }, only: 'gradcheck' }],
  }),
  layerCase({
    name: 'MaxPool2d',
    build: (c) => new MaxPool2d(c.pair('kernel_size'), options(c)),
    torch: 'nn.MaxPool2d',
    cases: [
      {
        name: 'maxpool2d-padded-f64',
        config: { kernel_size: 3, stride: 2, padding: 1 },
        inputs: { x: normal([2, 3, 5, 4]) },
      },
    ],
  }),
];
