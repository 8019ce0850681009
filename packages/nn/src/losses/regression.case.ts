/** Check cases of the losses of numbers. */
import { type CaseConfig, type CheckCase, layerCase, normal } from '../cases/index.ts';
import { HuberLoss, L1Loss, MSELoss, SmoothL1Loss } from './regression.ts';

const reductions = ['mean', 'sum', 'none'] as const;

const reduction = (c: CaseConfig) => c.choice('reduction', reductions, 'mean');

const casesOf = (name: string, config: Readonly<Record<string, unknown>> = {}): readonly CheckCase[] => [
  { name: `${name}-f64`, config, inputs: { x: normal([4, 5]), y: normal([4, 5]) } },
  {
    name: `${name}-none-f64`,
    config: { ...config, reduction: 'none' },
    inputs: { x: normal([3, 2, 4], { std: 2 }), y: normal([3, 2, 4]) },
  },
];

export default [
  layerCase({
    name: 'MSELoss',
    build: (c) => new MSELoss({ reduction: reduction(c) }),
    torch: 'nn.MSELoss',
    cases: casesOf('mse-loss'),
  }),
  layerCase({
    name: 'L1Loss',
    build: (c) => new L1Loss({ reduction: reduction(c) }),
    torch: 'nn.L1Loss',
    cases: casesOf('l1-loss'),
  }),
  layerCase({
    name: 'SmoothL1Loss',
    build: (c) => new SmoothL1Loss({ reduction: reduction(c), beta: c.number('beta', 1) }),
    torch: 'nn.SmoothL1Loss',
    cases: casesOf('smooth-l1-loss', { beta: 0.7 }),
  }),
  layerCase({
    name: 'HuberLoss',
    build: (c) => new HuberLoss({ reduction: reduction(c), delta: c.number('delta', 1) }),
    torch: 'nn.HuberLoss',
    cases: casesOf('huber-loss', { delta: 0.7 }),
  }),
];
