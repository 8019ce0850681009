/** Check cases of the convolutions. */
import { type CaseConfig, layerCase, normal } from '../cases/index.ts';
import type { Dims } from '../sizes.ts';
import { Conv1d, Conv2d, Conv3d, type ConvLayerOptions } from './convolution.ts';

const modes = ['zeros', 'reflect', 'replicate', 'circular'] as const;
const words = ['same', 'valid'] as const;

const options = <D extends Dims>(c: CaseConfig, dims: D): ConvLayerOptions<D> => ({
  stride: c.perAxis('stride', dims, 1),
  padding: c.isString('padding') ? c.choice('padding', words) : c.perAxis('padding', dims, 0),
  dilation: c.perAxis('dilation', dims, 1),
  groups: c.number('groups', 1),
  bias: c.boolean('bias', true),
  paddingMode: c.choice('padding_mode', modes, 'zeros'),
});

const channels = (c: CaseConfig): [number, number] => [c.number('in_channels'), c.number('out_channels')];
const x = normal([2, 3, 5, 4]);

export default [
  layerCase({
    name: 'Conv1d',
    build: (c) => new Conv1d(...channels(c), c.perAxis('kernel_size', 1), options(c, 1)),
    torch: 'nn.Conv1d',
    cases: [
      {
        name: 'conv1d-f64',
        config: { in_channels: 4, out_channels: 6, kernel_size: 3, stride: 2, padding: 2, dilation: 2, groups: 2 },
        inputs: { x: normal([2, 4, 9]) },
      },
      {
        name: 'conv1d-unbatched-same-f64',
        config: { in_channels: 3, out_channels: 2, kernel_size: 4, padding: 'same', padding_mode: 'circular' },
        inputs: { x: normal([3, 7]) },
      },
    ],
  }),
  layerCase({
    name: 'Conv2d',
    build: (c) => new Conv2d(...channels(c), c.perAxis('kernel_size', 2), options(c, 2)),
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
        name: 'conv2d-same-f64',
        config: { in_channels: 3, out_channels: 4, kernel_size: [4, 3], padding: 'same', dilation: [1, 2] },
        inputs: { x },
      },
      {
        name: 'conv2d-reflect-f64',
        config: {
          in_channels: 3,
          out_channels: 4,
          kernel_size: 3,
          padding: [2, 1],
          padding_mode: 'reflect',
          stride: 2,
        },
        inputs: { x },
      },
      {
        name: 'conv2d-replicate-f64',
        config: { in_channels: 3, out_channels: 2, kernel_size: 3, padding: 'same', padding_mode: 'replicate' },
        inputs: { x: normal([3, 5, 4]) },
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
  }),
  layerCase({
    name: 'Conv3d',
    build: (c) => new Conv3d(...channels(c), c.perAxis('kernel_size', 3), options(c, 3)),
    torch: 'nn.Conv3d',
    cases: [
      {
        name: 'conv3d-f64',
        config: { in_channels: 2, out_channels: 3, kernel_size: [2, 3, 2], stride: [1, 2, 1], padding: [0, 1, 1] },
        inputs: { x: normal([2, 2, 3, 5, 4]) },
      },
    ],
  }),
];
