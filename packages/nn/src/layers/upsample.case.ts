/** Check cases of Upsample. */
import { layerCase, normal } from '../cases/index.ts';
import { interpolationModes } from '../vision/resize-axis.ts';
import { Upsample } from './upsample.ts';

export default layerCase({
  name: 'Upsample',
  build: (c) =>
    new Upsample({
      ...(c.has('size') ? { size: c.numberOrNumbers('size') } : {}),
      ...(c.has('scale_factor') ? { scaleFactor: c.numberOrNumbers('scale_factor') } : {}),
      mode: c.choice('mode', interpolationModes, 'nearest'),
      alignCorners: c.boolean('align_corners', false),
    }),
  torch: 'nn.Upsample',
  cases: [
    { name: 'upsample-twice-f64', config: { scale_factor: 2 }, inputs: { x: normal([2, 2, 3, 4]) } },
    {
      name: 'upsample-trilinear-f64',
      config: { size: [3, 2, 5], mode: 'trilinear', align_corners: true },
      inputs: { x: normal([1, 2, 2, 3, 3]) },
    },
  ],
});
