/** Check cases of interpolation. */
import { functionCase, normal } from '../cases/index.ts';
import { interpolate } from './interpolate.ts';
import { interpolationModes } from './resize-axis.ts';

const resize = (name: string, size: readonly number[], mode: string, options: object = {}) => ({
  name: `interpolate-${name}-f64`,
  config: { size, mode, ...options },
  inputs: { x: normal([2, 2, 5, 7]) },
});

const scale = (name: string, shape: readonly number[], scale_factor: number | readonly number[], options: object) => ({
  name: `interpolate-${name}-f64`,
  config: { scale_factor, ...options },
  inputs: { x: normal(shape) },
});

export default [
  functionCase({
    name: 'Interpolate',
    forward: (_, c, x) =>
      interpolate(x, c.both('size'), {
        mode: c.choice('mode', interpolationModes),
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
  }),
  functionCase({
    name: 'InterpolateByFactor',
    forward: (_, c, x) =>
      interpolate(x, null, {
        scaleFactor: c.numberOrNumbers('scale_factor'),
        recomputeScaleFactor: c.boolean('recompute_scale_factor', false),
        mode: c.choice('mode', interpolationModes, 'nearest'),
        antialias: c.boolean('antialias', false),
      }),
    torch: 'functions.of(F.interpolate)',
    cases: [
      scale('linear-factor', [2, 3, 7], 1.7, { mode: 'linear' }),
      scale('bilinear-factor', [2, 2, 5, 4], [1.3, 0.6], { mode: 'bilinear' }),
      scale('bilinear-recomputed', [2, 2, 5, 4], [1.3, 0.6], { mode: 'bilinear', recompute_scale_factor: true }),
      scale('bicubic-factor-antialiased', [1, 2, 7, 5], [0.45, 1.5], { mode: 'bicubic', antialias: true }),
      scale('trilinear-factor', [1, 2, 3, 4, 3], [1.5, 0.7, 2], { mode: 'trilinear' }),
      scale('area-factor', [2, 2, 7, 5], 0.6, { mode: 'area' }),
      scale('nearest-factor', [2, 2, 5, 6], [2, 0.5], {}),
      scale('nearest-exact-factor', [2, 2, 5, 6], [1.6, 0.7], { mode: 'nearest-exact' }),
    ],
  }),
];
