/** Check cases of Interpolate. */
import { functionCase, normal } from '../cases/index.ts';
import { interpolate } from './interpolate.ts';

const modes = ['nearest', 'bilinear', 'bicubic'] as const;

const resize = (name: string, size: readonly number[], mode: (typeof modes)[number], options: object = {}) => ({
  name: `interpolate-${name}-f64`,
  config: { size, mode, ...options },
  inputs: { x: normal([2, 2, 5, 7]) },
});

export default functionCase({
  name: 'Interpolate',
  forward: (_, c, x) =>
    interpolate(x, c.both('size'), {
      mode: c.choice('mode', modes),
      antialias: c.boolean('antialias', false),
      alignCorners: c.boolean('align_corners', false),
    }),
  torch: { build: 'vision_transformer.Interpolate', fill: 'fills.fill_vectors' },
  cases: [
    resize('nearest', [9, 4], 'nearest'),
    resize('bilinear', [9, 4], 'bilinear'),
    resize('bilinear-aligned', [9, 4], 'bilinear', { align_corners: true }),
    resize('bilinear-antialiased', [2, 9], 'bilinear', { antialias: true }),
    resize('bicubic', [9, 4], 'bicubic'),
    resize('bicubic-aligned', [9, 4], 'bicubic', { align_corners: true }),
    resize('bicubic-antialiased', [2, 11], 'bicubic', { antialias: true }),
  ],
});
