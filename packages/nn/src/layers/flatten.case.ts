/** Check cases of Flatten and Unflatten. */
import { layerCase, normal } from '../cases/index.ts';
import { Flatten, Unflatten } from './flatten.ts';

export default [
  layerCase({
    name: 'Flatten',
    build: (c) => new Flatten(c.number('start_dim', 1), c.number('end_dim', -1)),
    cases: [{ name: 'middle axes', config: { end_dim: 2 }, inputs: { x: normal([2, 3, 4, 2]) }, only: 'gradcheck' }],
  }),
  layerCase({
    name: 'Unflatten',
    build: (c) => new Unflatten(c.number('dim'), c.numbers('unflattened_size')),
    torch: 'nn.Unflatten',
    cases: [{ name: 'unflatten-f64', config: { dim: 1, unflattened_size: [2, -1] }, inputs: { x: normal([2, 6, 3]) } }],
  }),
];
