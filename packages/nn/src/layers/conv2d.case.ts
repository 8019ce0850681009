/** Check cases of Conv2d. */
import { layerCase, normal } from '../cases/index.ts';
import { Conv2d } from './conv2d.ts';

const x = normal([2, 3, 5, 4]);

export default layerCase({
  name: 'Conv2d',
  build: (c) =>
    new Conv2d(c.number('in_channels'), c.number('out_channels'), c.pair('kernel_size'), {
      stride: c.pair('stride', 1),
      padding: c.pair('padding', 0),
      dilation: c.pair('dilation', 1),
      groups: c.number('groups', 1),
      bias: c.boolean('bias', true),
    }),
  torch: 'nn.Conv2d',
  cases: [
    {
      name: 'conv2d-rectangular-f64',
      config: { in_channels: 3, out_channels: 4, kernel_size: [3, 2], stride: [2, 1], padding: [1, 0] },
      inputs: { x },
    },
    {
      name: 'conv2d-depthwise-f64',
      config: { in_channels: 3, out_channels: 6, kernel_size: 3, padding: 1, groups: 3, bias: false },
      inputs: { x },
    },
    {
      name: 'padded',
      config: { in_channels: 3, out_channels: 4, kernel_size: 3, padding: 1 },
      inputs: { x: normal([2, 3, 5, 5]) },
      only: 'gradcheck',
    },
    {
      name: 'strided and dilated',
      config: {
        in_channels: 4,
        out_channels: 6,
        kernel_size: [3, 2],
        stride: [2, 3],
        padding: [2, 1],
        dilation: [2, 1],
        groups: 2,
      },
      inputs: { x: normal([2, 4, 9, 9]) },
      only: 'gradcheck',
    },
  ],
});
