/** Check cases of normalize, CosineSimilarity and PairwiseDistance. */
import { functionCase, layerCase, normal } from '../cases/index.ts';
import { CosineSimilarity, normalize, PairwiseDistance } from './distances.ts';

export default [
  functionCase({
    name: 'normalize',
    forward: (_, c, x) => normalize(x, { p: c.number('p', 2), axis: c.number('dim', 1) }),
    torch: { build: 'lambda **options: nn.Identity()', forward: 'lambda module, x: F.normalize(module(x))' },
    cases: [
      { name: 'normalize-f64', inputs: { x: normal([3, 4, 2]) } },
      { name: 'the last axis', config: { dim: -1 }, inputs: { x: normal([3, 4]) }, only: 'gradcheck' },
      { name: 'order 1', config: { p: 1, dim: 0 }, inputs: { x: normal([3, 4]) }, only: 'gradcheck' },
      { name: 'order 3', config: { p: 3 }, inputs: { x: normal([3, 4]) }, only: 'gradcheck' },
      { name: 'order 1/2', config: { p: 0.5 }, inputs: { x: normal([3, 4]) }, only: 'gradcheck' },
    ],
  }),
  layerCase({
    name: 'CosineSimilarity',
    build: (c) => new CosineSimilarity({ axis: c.number('dim', 1), eps: c.number('eps', 1e-8) }),
    torch: 'nn.CosineSimilarity',
    cases: [
      { name: 'cosine-similarity-f64', inputs: { x1: normal([3, 4, 2]), x2: normal([3, 4, 2]) } },
      {
        name: 'broadcast',
        config: { dim: -1 },
        inputs: { x1: normal([3, 1, 4]), x2: normal([2, 4]) },
        only: 'gradcheck',
      },
    ],
  }),
  layerCase({
    name: 'PairwiseDistance',
    build: (c) =>
      new PairwiseDistance({ p: c.number('p', 2), eps: c.number('eps', 1e-6), keepdim: c.boolean('keepdim', false) }),
    torch: 'nn.PairwiseDistance',
    cases: [
      { name: 'pairwise-distance-f64', inputs: { x1: normal([3, 4]), x2: normal([3, 4]) } },
      {
        name: 'pairwise-distance-l1-f64',
        config: { p: 1, keepdim: true },
        inputs: { x1: normal([3, 4]), x2: normal([3, 4]) },
      },
    ],
  }),
];
