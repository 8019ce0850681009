/** Factors that shuffle layers refuse; their values are held against PyTorch's by shuffle.case.ts. */
import { registerReferenceBackends, setDefaultBackend, zeros } from '@tessera/tensor';
import { expect, it } from 'vitest';
import { ChannelShuffle, PixelShuffle, PixelUnshuffle, pixelShuffle, pixelUnshuffle } from './shuffle.ts';

registerReferenceBackends();
setDefaultBackend('reference');

it.each([0, -2, 1.5, Number.NaN])('a factor of %s is refused, by layers and by functions', (factor) => {
  const what = `must be a whole number of at least 1, got ${factor}`;
  expect(() => new PixelShuffle(factor)).toThrow(`PixelShuffle: upscaleFactor ${what}`);
  expect(() => new PixelUnshuffle(factor)).toThrow(`PixelUnshuffle: downscaleFactor ${what}`);
  expect(() => new ChannelShuffle(factor)).toThrow(`ChannelShuffle: groups ${what}`);
  expect(() => pixelShuffle(zeros([1, 4, 2, 2]), factor)).toThrow(`pixelShuffle: the factor ${what}`);
  expect(() => pixelUnshuffle(zeros([1, 4, 2, 2]), factor)).toThrow(`pixelUnshuffle: the factor ${what}`);
});
