/** Check cases of the smooth activations. */
import { layerCase, normal } from '../cases/index.ts';
import { LogSigmoid, Mish, Softsign, Tanhshrink } from './activations.ts';
import { Softplus } from './smooth-activations.ts';

const x = normal([4, 9], { std: 3 });

export default [
  layerCase({
    name: 'Softplus',
    build: (c) => new Softplus(c.number('beta', 1), c.number('threshold', 20)),
    torch: 'nn.Softplus',
    cases: [
      { name: 'softplus-f64', inputs: { x } },
      // A threshold so low that some numbers are above it.
      { name: 'softplus-threshold-f64', config: { beta: 2, threshold: 5 }, inputs: { x } },
    ],
  }),
  layerCase({
    name: 'LogSigmoid',
    build: () => new LogSigmoid(),
    torch: 'nn.LogSigmoid',
    cases: [{ name: 'log-sigmoid-f64', inputs: { x }, only: 'torch' }],
  }),
  layerCase({
    name: 'Mish',
    build: () => new Mish(),
    torch: 'nn.Mish',
    cases: [{ name: 'mish-f64', inputs: { x }, only: 'torch' }],
  }),
  layerCase({
    name: 'Softsign',
    build: () => new Softsign(),
    torch: 'nn.Softsign',
    cases: [{ name: 'softsign-f64', inputs: { x }, only: 'torch' }],
  }),
  layerCase({
    name: 'Tanhshrink',
    build: () => new Tanhshrink(),
    torch: 'nn.Tanhshrink',
    cases: [{ name: 'tanhshrink-f64', inputs: { x }, only: 'torch' }],
  }),
];
