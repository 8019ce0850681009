/** Check cases of the activations. */
import { layerCase, normal } from '../cases/index.ts';
import {
  Activation,
  type ActivationName,
  activations,
  GELU,
  type GeluApproximation,
  QuickGELU,
  ReLU,
  Sigmoid,
  SiLU,
  Tanh,
} from './activations.ts';

const x = normal([4, 9], { std: 2 });
const names = Object.keys(activations) as ActivationName[];
const approximations = ['none', 'tanh'] as const satisfies readonly GeluApproximation[];

export default [
  // Every activation of the table, also new ones, is checked by gradcheck here.
  layerCase({
    name: 'Activation',
    build: (c) => new Activation(c.choice('name', names)),
    cases: names.map((name) => ({ name, config: { name }, inputs: { x }, only: 'gradcheck' })),
  }),
  layerCase({
    name: 'ReLU',
    build: () => new ReLU(),
    torch: 'nn.ReLU',
    cases: [{ name: 'relu-f64', inputs: { x }, only: 'torch' }],
  }),
  layerCase({
    name: 'SiLU',
    build: () => new SiLU(),
    torch: 'nn.SiLU',
    cases: [{ name: 'silu-f64', inputs: { x }, only: 'torch' }],
  }),
  layerCase({
    name: 'Sigmoid',
    build: () => new Sigmoid(),
    torch: 'nn.Sigmoid',
    cases: [{ name: 'sigmoid-f64', inputs: { x }, only: 'torch' }],
  }),
  layerCase({
    name: 'Tanh',
    build: () => new Tanh(),
    torch: 'nn.Tanh',
    cases: [{ name: 'tanh-f64', inputs: { x }, only: 'torch' }],
  }),
  layerCase({
    name: 'GELU',
    build: (c) => new GELU({ approximate: c.choice('approximate', approximations, 'none') }),
    torch: 'nn.GELU',
    cases: [{ name: 'gelu-f64', inputs: { x }, only: 'torch' }],
  }),
  layerCase({ name: 'QuickGELU', build: () => new QuickGELU() }),
];
