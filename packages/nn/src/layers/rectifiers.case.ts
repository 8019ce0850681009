/** Check cases of LeakyReLU, ELU, CELU and SELU. */
import { layerCase, normal } from '../cases/index.ts';
import { SELU } from './activations.ts';
import { CELU, ELU, LeakyReLU } from './rectifiers.ts';

const x = normal([4, 9], { std: 2 });

export default [
  layerCase({
    name: 'LeakyReLU',
    build: (c) => new LeakyReLU(c.number('negative_slope', 0.01)),
    torch: 'nn.LeakyReLU',
    cases: [{ name: 'leaky-relu-f64', config: { negative_slope: 0.2 }, inputs: { x } }],
  }),
  layerCase({
    name: 'ELU',
    build: (c) => new ELU(c.number('alpha', 1)),
    torch: 'nn.ELU',
    cases: [{ name: 'elu-f64', config: { alpha: 1.5 }, inputs: { x } }],
  }),
  layerCase({
    name: 'CELU',
    build: (c) => new CELU(c.number('alpha', 1)),
    torch: 'nn.CELU',
    // PyTorch rounds alpha to single precision, which 1.5 does not change.
    cases: [{ name: 'celu-f64', config: { alpha: 1.5 }, inputs: { x } }],
  }),
  layerCase({
    name: 'SELU',
    build: () => new SELU(),
    torch: 'nn.SELU',
    cases: [{ name: 'selu-f64', inputs: { x }, only: 'torch' }],
  }),
];
