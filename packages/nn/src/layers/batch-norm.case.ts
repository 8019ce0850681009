/** Check cases of BatchNorm2d. */
import { layerCase, normal } from '../cases/index.ts';
import { BatchNorm2d } from './batch-norm.ts';

export default layerCase({
  name: 'BatchNorm2d',
  build: (c) =>
    new BatchNorm2d(c.number('num_features'), { eps: c.number('eps', 1e-5), momentum: c.number('momentum', 0.1) }),
  torch: 'nn.BatchNorm2d',
  cases: [
    {
      name: 'batchnorm2d-train-f64',
      config: { num_features: 3, momentum: 0.2 },
      inputs: { x: normal([2, 3, 5, 4]) },
    },
    {
      name: 'evaluation',
      config: { num_features: 3 },
      inputs: { x: normal([4, 3, 3, 3]) },
      mode: 'eval',
      only: 'gradcheck',
    },
  ],
});
