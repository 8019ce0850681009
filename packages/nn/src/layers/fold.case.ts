/** Check cases of Unfold and Fold. */
import { type CaseConfig, layerCase, normal } from '../cases/index.ts';
import { Fold, type FoldOptions, Unfold } from './fold.ts';

const options = (c: CaseConfig): FoldOptions => ({
  dilation: c.pair('dilation', 1),
  padding: c.pair('padding', 0),
  stride: c.pair('stride', 1),
});

const config = { kernel_size: [3, 2], dilation: [1, 2], padding: [1, 0], stride: [2, 1] };

export default [
  layerCase({
    name: 'Unfold',
    build: (c) => new Unfold(c.pair('kernel_size'), options(c)),
    torch: 'nn.Unfold',
    cases: [
      { name: 'unfold-f64', config, inputs: { x: normal([2, 3, 6, 5]) } },
      { name: 'unfold-patches-f64', config: { kernel_size: 2, stride: 2 }, inputs: { x: normal([2, 3, 4, 5]) } },
    ],
  }),
  layerCase({
    name: 'Fold',
    build: (c) => new Fold(c.pair('output_size'), c.pair('kernel_size'), options(c)),
    torch: 'nn.Fold',
    cases: [{ name: 'fold-f64', config: { output_size: [6, 5], ...config }, inputs: { x: normal([2, 18, 9]) } }],
  }),
];
