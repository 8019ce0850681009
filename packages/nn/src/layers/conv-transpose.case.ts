/** Check cases of the transposed convolutions. */
import { type CaseConfig, layerCase, normal } from '../cases/index.ts';
import type { Dims } from '../sizes.ts';
import { ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, type ConvTransposeLayerOptions } from './conv-transpose.ts';

const options = <D extends Dims>(c: CaseConfig, dims: D): ConvTransposeLayerOptions<D> => ({
  stride: c.perAxis('stride', dims, 1),
  padding: c.perAxis('padding', dims, 0),
  outputPadding: c.perAxis('output_padding', dims, 0),
  dilation: c.perAxis('dilation', dims, 1),
  groups: c.number('groups', 1),
  bias: c.boolean('bias', true),
});

const channels = (c: CaseConfig): [number, number] => [c.number('in_channels'), c.number('out_channels')];

export default [
  layerCase({
    name: 'ConvTranspose1d',
    build: (c) => new ConvTranspose1d(...channels(c), c.perAxis('kernel_size', 1), options(c, 1)),
    torch: 'nn.ConvTranspose1d',
    cases: [
      {
        name: 'convtranspose1d-f64',
        config: { in_channels: 3, out_channels: 2, kernel_size: 4, stride: 2, padding: 1, output_padding: 1 },
        inputs: { x: normal([2, 3, 5]) },
      },
    ],
  }),
  layerCase({
    name: 'ConvTranspose2d',
    build: (c) => new ConvTranspose2d(...channels(c), c.perAxis('kernel_size', 2), options(c, 2)),
    torch: 'nn.ConvTranspose2d',
    cases: [
      {
        name: 'convtranspose2d-groups-f64',
        config: { in_channels: 4, out_channels: 6, kernel_size: [3, 2], stride: [2, 3], padding: [1, 0], groups: 2 },
        inputs: { x: normal([2, 4, 3, 4]) },
      },
      {
        name: 'convtranspose2d-dilated-f64',
        config: {
          in_channels: 3,
          out_channels: 2,
          kernel_size: 3,
          stride: 2,
          output_padding: [1, 2],
          dilation: 3,
          bias: false,
        },
        inputs: { x: normal([3, 3, 2]) },
      },
    ],
  }),
  layerCase({
    name: 'ConvTranspose3d',
    build: (c) => new ConvTranspose3d(...channels(c), c.perAxis('kernel_size', 3), options(c, 3)),
    torch: 'nn.ConvTranspose3d',
    cases: [
      {
        name: 'convtranspose3d-f64',
        config: { in_channels: 2, out_channels: 2, kernel_size: 2, stride: [1, 2, 2], padding: [0, 1, 0] },
        inputs: { x: normal([1, 2, 2, 3, 2]) },
      },
    ],
  }),
];
