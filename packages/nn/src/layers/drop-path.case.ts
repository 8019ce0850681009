/** Check cases of DropPath. */
import { layerCase, normal } from '../cases/index.ts';
import { DropPath } from './drop-path.ts';

export default layerCase({
  name: 'DropPath',
  build: (c) => new DropPath(c.number('p')),
  // In training each call draws other numbers, and differences of them mean nothing.
  cases: [{ name: 'evaluation', config: { p: 0.5 }, inputs: { x: normal([4, 7]) }, mode: 'eval', only: 'gradcheck' }],
});
