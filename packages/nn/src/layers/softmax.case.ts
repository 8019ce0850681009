/** Check cases of Softmax, LogSoftmax, Softmin and Softmax2d. */
import { layerCase, normal } from '../cases/index.ts';
import { LogSoftmax, Softmax, Softmax2d, Softmin } from './softmax.ts';

const x = normal([4, 9], { std: 2 });

export default [
  layerCase({
    name: 'Softmax',
    build: (c) => new Softmax(c.number('dim', -1)),
    torch: 'nn.Softmax',
    cases: [
      { name: 'softmax-f64', config: { dim: 0 }, inputs: { x } },
      { name: 'last axis', inputs: { x: normal([4, 7]) }, only: 'gradcheck' },
    ],
  }),
  layerCase({
    name: 'LogSoftmax',
    build: (c) => new LogSoftmax(c.number('dim', -1)),
    torch: 'nn.LogSoftmax',
    cases: [{ name: 'log-softmax-f64', config: { dim: 0 }, inputs: { x } }],
  }),
  layerCase({
    name: 'Softmin',
    build: (c) => new Softmin(c.number('dim', -1)),
    torch: 'nn.Softmin',
    cases: [{ name: 'softmin-f64', config: { dim: 0 }, inputs: { x } }],
  }),
  layerCase({
    name: 'Softmax2d',
    build: () => new Softmax2d(),
    torch: 'nn.Softmax2d',
    cases: [{ name: 'softmax2d-f64', inputs: { x: normal([2, 3, 4, 2]) } }],
  }),
];
