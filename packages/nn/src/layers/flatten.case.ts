/** Check cases of Flatten. */
import { layerCase, normal } from '../cases/index.ts';
import { Flatten } from './flatten.ts';

export default layerCase({
  name: 'Flatten',
  build: (c) => new Flatten(c.number('start_dim', 1), c.number('end_dim', -1)),
  cases: [{ name: 'middle axes', config: { end_dim: 2 }, inputs: { x: normal([2, 3, 2, 4]) }, only: 'gradcheck' }],
});
