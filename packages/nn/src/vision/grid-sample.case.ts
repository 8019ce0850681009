/** Check cases of gridSample and affineGrid. */
import { functionCase, normal, uniform } from '../cases/index.ts';
import { affineGrid, gridSample } from './grid-sample.ts';

const modes = ['bilinear', 'nearest', 'bicubic'] as const;
const paddingModes = ['zeros', 'border', 'reflection'] as const;

const images = { x: normal([2, 2, 4, 5]), grid: uniform([2, 3, 4, 2], { low: -1.4, high: 1.4 }) };
const volumes = { x: normal([1, 2, 3, 4, 3]), grid: uniform([1, 2, 3, 2, 3], { low: -1.2, high: 1.2 }) };

export default [
  functionCase({
    name: 'gridSample',
    forward: (_, c, x, grid) =>
      gridSample(x, grid, {
        mode: c.choice('mode', modes),
        paddingMode: c.choice('padding_mode', paddingModes),
        alignCorners: c.boolean('align_corners'),
      }),
    torch: 'functions.of(F.grid_sample)',
    cases: [
      ...(['bilinear', 'bicubic'] as const).flatMap((mode) =>
        paddingModes.map((padding_mode, k) => ({
          name: `gridsample-${mode}-${padding_mode}-f64`,
          config: { mode, padding_mode, align_corners: k === 1 },
          inputs: images,
        })),
      ),
      {
        name: 'gridsample-nearest-f64',
        config: { mode: 'nearest', padding_mode: 'reflection', align_corners: true },
        inputs: images,
        // The grid has no derivative.
        only: 'torch',
      },
      {
        name: 'gridsample-volumes-f64',
        config: { mode: 'bilinear', padding_mode: 'reflection', align_corners: false },
        inputs: volumes,
      },
    ],
  }),
  functionCase({
    name: 'affineGrid',
    forward: (_, c, theta) => affineGrid(theta, c.numbers('size'), { alignCorners: c.boolean('align_corners') }),
    torch: 'functions.of(F.affine_grid)',
    cases: [
      {
        name: 'affinegrid-f64',
        config: { size: [2, 3, 3, 4], align_corners: false },
        inputs: { theta: normal([2, 2, 3]) },
      },
      {
        name: 'affinegrid-volumes-f64',
        config: { size: [1, 1, 2, 3, 4], align_corners: true },
        inputs: { theta: normal([1, 3, 4]) },
      },
    ],
  }),
];
