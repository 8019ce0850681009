/** Check cases of RMSNorm. */
import { layerCase, normal } from '../cases/index.ts';
import { RMSNorm } from './rms-norm.ts';

export default layerCase({
  name: 'RMSNorm',
  build: (c) => new RMSNorm(c.numberOrNumbers('normalized_shape'), { eps: c.has('eps') ? c.number('eps') : null }),
  torch: 'functions.RMSNorm',
  cases: [
    { name: 'rmsnorm-f64', config: { normalized_shape: 6 }, inputs: { x: normal([2, 3, 6]) } },
    {
      name: 'rmsnorm-eps-f32',
      config: { normalized_shape: [3, 4], eps: 0.1 },
      inputs: { x: normal([2, 3, 4]) },
      dtype: 'f32',
    },
  ],
});
