/** Check cases of Softmax. */
import { layerCase, normal } from '../cases/index.ts';
import { Softmax } from './softmax.ts';

export default layerCase({
  name: 'Softmax',
  build: (c) => new Softmax(c.number('dim', -1)),
  torch: 'nn.Softmax',
  cases: [
    { name: 'softmax-f64', config: { dim: 0 }, inputs: { x: normal([4, 9], { std: 2 }) } },
    { name: 'last axis', inputs: { x: normal([4, 7]) }, only: 'gradcheck' },
  ],
});
