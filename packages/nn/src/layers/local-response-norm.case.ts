/** Check cases of LocalResponseNorm. */
import { layerCase, normal } from '../cases/index.ts';
import { LocalResponseNorm } from './local-response-norm.ts';

export default layerCase({
  name: 'LocalResponseNorm',
  build: (c) =>
    new LocalResponseNorm(c.number('size'), {
      alpha: c.number('alpha', 1e-4),
      beta: c.number('beta', 0.75),
      k: c.number('k', 1),
    }),
  torch: 'nn.LocalResponseNorm',
  cases: [
    { name: 'localresponsenorm-f64', config: { size: 4, alpha: 0.5, k: 2 }, inputs: { x: normal([2, 6, 3, 2]) } },
    { name: 'localresponsenorm-odd-f64', config: { size: 3, alpha: 0.3, beta: 1.5 }, inputs: { x: normal([2, 5, 3]) } },
  ],
});
