/** Check cases of SwiGLU. */
import { layerCase, normal } from '../cases/index.ts';
import { type ActivationName, activations } from './activations.ts';
import { SwiGLU } from './swiglu.ts';

const names = Object.keys(activations) as ActivationName[];

export default layerCase({
  name: 'SwiGLU',
  build: (c) =>
    new SwiGLU(c.number('in_features'), {
      hiddenFeatures: c.number('hidden_features', c.number('in_features')),
      outFeatures: c.number('out_features', c.number('in_features')),
      activation: c.choice('activation', names, 'silu'),
      norm: c.boolean('norm', false),
      bias: c.boolean('bias', true),
    }),
  torch: 'functions.SwiGLU',
  cases: [
    {
      name: 'swiglu-f64',
      config: { in_features: 4, hidden_features: 6, norm: true },
      inputs: { x: normal([2, 3, 4]) },
    },
    {
      name: 'geglu-f64',
      config: { in_features: 4, hidden_features: 6, out_features: 3, activation: 'gelu', bias: false },
      inputs: { x: normal([5, 4]) },
    },
  ],
});
