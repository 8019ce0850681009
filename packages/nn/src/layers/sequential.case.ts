/** Check cases of Sequential. */
import { layerCase, normal } from '../cases/index.ts';
import { Tanh } from './activations.ts';
import { Linear } from './linear.ts';
import { Sequential } from './sequential.ts';

export default layerCase({
  name: 'Sequential',
  build: () => new Sequential(new Linear(4, 3), ['act', new Tanh()], ['out', new Linear(3, 2)]),
  cases: [{ name: 'two layers', inputs: { x: normal([5, 4]) }, only: 'gradcheck' }],
});
