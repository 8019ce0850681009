/** Check cases of the activations of straight pieces. */
import { layerCase, normal } from '../cases/index.ts';
import { Hardsigmoid, Hardswish, ReLU6 } from './activations.ts';
import { Hardshrink, Hardtanh, Softshrink, Threshold } from './hard-activations.ts';

const x = normal([4, 9], { std: 3 });

export default [
  layerCase({
    name: 'Hardtanh',
    build: (c) => new Hardtanh(c.number('min_val', -1), c.number('max_val', 1)),
    torch: 'nn.Hardtanh',
    cases: [{ name: 'hardtanh-f64', config: { min_val: -0.5, max_val: 2 }, inputs: { x } }],
  }),
  layerCase({
    name: 'ReLU6',
    build: () => new ReLU6(),
    torch: 'nn.ReLU6',
    cases: [{ name: 'relu6-f64', inputs: { x }, only: 'torch' }],
  }),
  layerCase({
    name: 'Hardsigmoid',
    build: () => new Hardsigmoid(),
    torch: 'nn.Hardsigmoid',
    // In f64, PyTorch's derivative has a factor 1/6 that was rounded to single precision.
    cases: [{ name: 'hardsigmoid', dtype: 'f32', inputs: { x }, only: 'torch' }],
  }),
  layerCase({
    name: 'Hardswish',
    build: () => new Hardswish(),
    torch: 'nn.Hardswish',
    cases: [{ name: 'hardswish-f64', inputs: { x }, only: 'torch' }],
  }),
  layerCase({
    name: 'Threshold',
    build: (c) => new Threshold(c.number('threshold'), c.number('value')),
    torch: 'nn.Threshold',
    cases: [{ name: 'threshold-f64', config: { threshold: 0.5, value: -2 }, inputs: { x } }],
  }),
  layerCase({
    name: 'Hardshrink',
    build: (c) => new Hardshrink(c.number('lambd', 0.5)),
    torch: 'nn.Hardshrink',
    cases: [{ name: 'hardshrink-f64', config: { lambd: 1.5 }, inputs: { x } }],
  }),
  layerCase({
    name: 'Softshrink',
    build: (c) => new Softshrink(c.number('lambd', 0.5)),
    torch: 'nn.Softshrink',
    cases: [{ name: 'softshrink-f64', config: { lambd: 1.5 }, inputs: { x } }],
  }),
];
