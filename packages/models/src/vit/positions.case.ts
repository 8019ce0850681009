/** Check cases of InterpolatePositions. */
import { functionCase, normal } from '@tessera/nn/cases';
import { interpolatePositions } from './positions.ts';

export default functionCase({
  name: 'InterpolatePositions',
  forward: (_, c, positions) =>
    interpolatePositions(positions, c.both('old'), c.both('new'), c.number('prefix'), {
      mode: c.choice('mode', ['bicubic', 'bilinear'], 'bicubic'),
      antialias: c.boolean('antialias', true),
    }),
  torch: { build: 'vision_transformer.InterpolatePositions', fill: 'fills.fill_vectors' },
  cases: [
    {
      name: 'positions-14-to-28',
      config: { old: [14, 14], new: [28, 28], prefix: 1 },
      inputs: { positions: normal([1, 197, 2]) },
      dtype: 'f32',
    },
    {
      name: 'positions-rectangular-f64',
      config: { old: [3, 4], new: [5, 2], prefix: 2 },
      inputs: { positions: normal([1, 14, 3]) },
    },
    {
      name: 'positions-bilinear-f64',
      config: { old: [3, 4], new: [6, 8], prefix: 1, mode: 'bilinear', antialias: false },
      inputs: { positions: normal([1, 13, 3]) },
    },
  ],
});
