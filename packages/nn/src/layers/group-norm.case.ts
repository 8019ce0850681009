/** Check cases of GroupNorm. */
import { layerCase, normal } from '../cases/index.ts';
import { GroupNorm } from './group-norm.ts';

export default layerCase({
  name: 'GroupNorm',
  build: (c) =>
    new GroupNorm(c.number('num_groups'), c.number('num_channels'), {
      eps: c.number('eps', 1e-5),
      affine: c.boolean('affine', true),
    }),
  torch: 'nn.GroupNorm',
  cases: [
    { name: 'groupnorm-f64', config: { num_groups: 2, num_channels: 6 }, inputs: { x: normal([2, 6, 3, 4]) } },
    {
      name: 'groupnorm-features-f64',
      config: { num_groups: 3, num_channels: 6, eps: 1e-3, affine: false },
      inputs: { x: normal([4, 6]) },
    },
  ],
});
