/** Check cases of Mlp. */
import { layerCase, normal } from '@tessera/nn/cases';
import { Mlp } from './mlp.ts';

export default layerCase({
  name: 'Mlp',
  build: (c) => new Mlp(c.number('width'), c.number('hidden')),
  cases: [{ name: 'tokens', config: { width: 4, hidden: 6 }, inputs: { x: normal([2, 3, 4]) }, only: 'gradcheck' }],
});
