/** Check cases of PixelShuffle, PixelUnshuffle and ChannelShuffle. */
import { layerCase, normal } from '../cases/index.ts';
import { ChannelShuffle, PixelShuffle, PixelUnshuffle } from './shuffle.ts';

export default [
  layerCase({
    name: 'PixelShuffle',
    build: (c) => new PixelShuffle(c.number('upscale_factor')),
    torch: 'nn.PixelShuffle',
    cases: [{ name: 'pixelshuffle-f64', config: { upscale_factor: 2 }, inputs: { x: normal([2, 12, 3, 2]) } }],
  }),
  layerCase({
    name: 'PixelUnshuffle',
    build: (c) => new PixelUnshuffle(c.number('downscale_factor')),
    torch: 'nn.PixelUnshuffle',
    cases: [{ name: 'pixelunshuffle-f64', config: { downscale_factor: 3 }, inputs: { x: normal([2, 6, 3]) } }],
  }),
  layerCase({
    name: 'ChannelShuffle',
    build: (c) => new ChannelShuffle(c.number('groups')),
    torch: 'nn.ChannelShuffle',
    cases: [{ name: 'channelshuffle-f64', config: { groups: 3 }, inputs: { x: normal([2, 6, 2, 3]) } }],
  }),
];
