/** Check cases of LayerNorm. */
import { layerCase, normal } from '../cases/index.ts';
import { LayerNorm } from './layer-norm.ts';

export default layerCase({
  name: 'LayerNorm',
  build: (c) =>
    new LayerNorm(c.numberOrNumbers('normalized_shape'), { eps: c.number('eps', 1e-5), bias: c.boolean('bias', true) }),
  torch: 'functions.LayerNorm',
  cases: [
    {
      name: 'layernorm-two-axes-f64',
      config: { normalized_shape: [5, 4] },
      inputs: { x: normal([2, 3, 5, 4]) },
    },
    { name: 'layernorm-no-bias-f64', config: { normalized_shape: 5, bias: false }, inputs: { x: normal([2, 3, 5]) } },
  ],
});
