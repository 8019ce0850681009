/** Check cases of Linear and Bilinear. */
import { layerCase, normal } from '../cases/index.ts';
import { Bilinear, Linear } from './linear.ts';

export default [
  layerCase({
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
  }),
  layerCase({
    name: 'Bilinear',
    build: (c) =>
      new Bilinear(c.number('in1_features'), c.number('in2_features'), c.number('out_features'), {
        bias: c.boolean('bias', true),
      }),
    torch: 'nn.Bilinear',
    cases: [
      {
        name: 'bilinear-f64',
        config: { in1_features: 3, in2_features: 4, out_features: 5 },
        inputs: { x1: normal([2, 3, 3]), x2: normal([2, 3, 4]) },
      },
    ],
  }),
];
