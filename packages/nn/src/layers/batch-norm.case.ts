/** Check cases of batch normalization. */
import { type CaseConfig, layerCase, normal } from '../cases/index.ts';
import { BatchNorm1d, BatchNorm2d, BatchNorm3d, type BatchNormLayerOptions } from './batch-norm.ts';

const options = (c: CaseConfig): BatchNormLayerOptions => ({
  eps: c.number('eps', 1e-5),
  momentum: c.number('momentum', 0.1),
  affine: c.boolean('affine', true),
});

export default [
  layerCase({
    name: 'BatchNorm1d',
    build: (c) => new BatchNorm1d(c.number('num_features'), options(c)),
    torch: 'nn.BatchNorm1d',
    cases: [
      { name: 'batchnorm1d-features-f64', config: { num_features: 5 }, inputs: { x: normal([6, 5]) } },
      {
        name: 'batchnorm1d-sequences-f64',
        config: { num_features: 3, eps: 1e-3, affine: false },
        inputs: { x: normal([2, 3, 4]) },
      },
    ],
  }),
  layerCase({
    name: 'BatchNorm2d',
    build: (c) => new BatchNorm2d(c.number('num_features'), options(c)),
    torch: 'nn.BatchNorm2d',
    cases: [
      {
        name: 'batchnorm2d-train-f64',
        config: { num_features: 3, momentum: 0.2 },
        inputs: { x: normal([2, 3, 5, 4]) },
      },
      {
        name: 'evaluation',
        config: { num_features: 3 },
        inputs: { x: normal([4, 3, 3, 3]) },
        mode: 'eval',
        only: 'gradcheck',
      },
    ],
  }),
  layerCase({
    name: 'BatchNorm3d',
    build: (c) => new BatchNorm3d(c.number('num_features'), options(c)),
    torch: 'nn.BatchNorm3d',
    cases: [{ name: 'batchnorm3d-f64', config: { num_features: 2 }, inputs: { x: normal([2, 2, 3, 2, 2]) } }],
  }),
];
