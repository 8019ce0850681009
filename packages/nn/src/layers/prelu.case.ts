/** Check cases of PReLU. */
import { layerCase, normal } from '../cases/index.ts';
import { PReLU } from './prelu.ts';

export default layerCase({
  name: 'PReLU',
  build: (c) => new PReLU(c.number('num_parameters', 1), c.number('init', 0.25)),
  torch: 'nn.PReLU',
  cases: [
    { name: 'prelu-f64', inputs: { x: normal([4, 9]) } },
    { name: 'prelu-channels-f64', config: { num_parameters: 3 }, inputs: { x: normal([2, 3, 4, 2]) } },
  ],
});
