/** Check cases of Dropout. */
import { layerCase, normal } from '../cases/index.ts';
import { Dropout } from './dropout.ts';

export default layerCase({
  name: 'Dropout',
  build: (c) => new Dropout(c.number('p')),
  // In training each call draws other numbers, and differences of them mean nothing.
  cases: [{ name: 'evaluation', config: { p: 0.5 }, inputs: { x: normal([4, 7]) }, mode: 'eval', only: 'gradcheck' }],
});
