/** Check cases of Linear. */
import { layerCase, normal } from '../cases/index.ts';
import { Linear } from './linear.ts';

export default layerCase({
  name: 'Linear',
  build: (c) => new Linear(c.number('in_features'), c.number('out_features'), { bias: c.boolean('bias', true) }),
  torch: 'nn.Linear',
  cases: [
    {
      name: 'linear-no-bias-f64',
      config: { in_features: 9, out_features: 5, bias: false },
      inputs: { x: normal([4, 9], { std: 2 }) },
    },
    {
      name: 'sequences',
      config: { in_features: 5, out_features: 3 },
      inputs: { x: normal([2, 4, 5]) },
      only: 'gradcheck',
    },
  ],
});
