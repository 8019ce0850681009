/** Check cases of PoissonNLLLoss and GaussianNLLLoss. */
import { layerCase, normal, uniform } from '../cases/index.ts';
import { GaussianNLLLoss, PoissonNLLLoss } from './likelihood.ts';

const positive = { low: 0.2, high: 6 };

export default [
  layerCase({
    name: 'PoissonNLLLoss',
    build: (c) => new PoissonNLLLoss({ logInput: c.boolean('log_input', true), full: c.boolean('full', false) }),
    torch: 'nn.PoissonNLLLoss',
    cases: [
      { name: 'poisson-nll-loss-f64', inputs: { x: normal([4, 5]), y: uniform([4, 5], positive) } },
      {
        name: 'poisson-nll-loss-full-f64',
        config: { log_input: false, full: true },
        inputs: { x: uniform([4, 5], positive), y: uniform([4, 5], positive) },
      },
    ],
  }),
  layerCase({
    name: 'GaussianNLLLoss',
    build: (c) => new GaussianNLLLoss({ full: c.boolean('full', false), eps: c.number('eps', 1e-6) }),
    torch: 'nn.GaussianNLLLoss',
    cases: [
      {
        name: 'gaussian-nll-loss-f64',
        inputs: { x: normal([4, 5]), y: normal([4, 5]), variance: uniform([4, 1], positive) },
      },
      {
        name: 'gaussian-nll-loss-full-f64',
        config: { full: true },
        inputs: { x: normal([4, 5]), y: normal([4, 5]), variance: uniform([4, 5], positive) },
      },
      {
        // As in PyTorch, the derivative does not notice the bound: differences do.
        name: 'gaussian-nll-loss-bound-f64',
        config: { eps: 2 },
        inputs: { x: normal([4, 5]), y: normal([4, 5]), variance: uniform([4, 5], positive) },
        only: 'torch',
      },
    ],
  }),
];
