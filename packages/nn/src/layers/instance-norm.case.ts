/** Check cases of instance normalization. */
import { type CaseConfig, layerCase, normal } from '../cases/index.ts';
import { InstanceNorm1d, InstanceNorm2d, InstanceNorm3d, type InstanceNormLayerOptions } from './instance-norm.ts';

const options = (c: CaseConfig): InstanceNormLayerOptions => ({
  eps: c.number('eps', 1e-5),
  momentum: c.number('momentum', 0.1),
  affine: c.boolean('affine', false),
  trackRunningStats: c.boolean('track_running_stats', false),
});

export default [
  layerCase({
    name: 'InstanceNorm1d',
    build: (c) => new InstanceNorm1d(c.number('num_features'), options(c)),
    torch: 'nn.InstanceNorm1d',
    cases: [{ name: 'instancenorm1d-f64', config: { num_features: 3 }, inputs: { x: normal([3, 7]) } }],
  }),
  layerCase({
    name: 'InstanceNorm2d',
    build: (c) => new InstanceNorm2d(c.number('num_features'), options(c)),
    torch: 'nn.InstanceNorm2d',
    cases: [
      {
        name: 'instancenorm2d-tracking-f64',
        config: { num_features: 3, affine: true, track_running_stats: true, momentum: 0.3 },
        inputs: { x: normal([2, 3, 4, 3]) },
      },
      {
        name: 'instancenorm2d-eval-f64',
        config: { num_features: 3, affine: true, track_running_stats: true },
        inputs: { x: normal([2, 3, 4, 3]) },
        mode: 'eval',
      },
    ],
  }),
  layerCase({
    name: 'InstanceNorm3d',
    build: (c) => new InstanceNorm3d(c.number('num_features'), options(c)),
    torch: 'nn.InstanceNorm3d',
    cases: [
      {
        name: 'instancenorm3d-f64',
        config: { num_features: 2, eps: 1e-3, affine: true },
        inputs: { x: normal([2, 2, 2, 3, 2]) },
      },
    ],
  }),
];
