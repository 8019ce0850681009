/** Check cases of GLU. */
import { layerCase, normal } from '../cases/index.ts';
import { GLU } from './glu.ts';

export default layerCase({
  name: 'GLU',
  build: (c) => new GLU(c.number('dim', -1)),
  torch: 'nn.GLU',
  cases: [
    { name: 'glu-f64', inputs: { x: normal([3, 8]) } },
    { name: 'middle axis', config: { dim: 1 }, inputs: { x: normal([2, 4, 3]) }, only: 'gradcheck' },
  ],
});
