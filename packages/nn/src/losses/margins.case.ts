/** Check cases of the losses of embeddings and of pairs. */
import { constant, layerCase, normal } from '../cases/index.ts';
import {
  CosineEmbeddingLoss,
  HingeEmbeddingLoss,
  MarginRankingLoss,
  SoftMarginLoss,
  TripletMarginLoss,
  TripletMarginWithDistanceLoss,
} from './margins.ts';

const signs = constant([1, -1, -1, 1, -1]);
const triplets = { anchor: normal([5, 4]), positive: normal([5, 4]), negative: normal([5, 4]) };

export default [
  layerCase({
    name: 'CosineEmbeddingLoss',
    build: (c) => new CosineEmbeddingLoss({ margin: c.number('margin', 0) }),
    torch: 'nn.CosineEmbeddingLoss',
    cases: [
      {
        name: 'cosine-embedding-loss-f64',
        config: { margin: 0.1 },
        inputs: { x1: normal([5, 4]), x2: normal([5, 4]), y: signs },
      },
    ],
  }),
  layerCase({
    name: 'TripletMarginLoss',
    build: (c) =>
      new TripletMarginLoss({ p: c.number('p', 2), swap: c.boolean('swap', false), margin: c.number('margin', 1) }),
    torch: 'nn.TripletMarginLoss',
    cases: [
      { name: 'triplet-margin-loss-f64', inputs: triplets },
      { name: 'triplet-margin-loss-swap-f64', config: { p: 1, swap: true, margin: 2 }, inputs: triplets },
    ],
  }),
  layerCase({
    name: 'TripletMarginWithDistanceLoss',
    build: (c) =>
      new TripletMarginWithDistanceLoss({
        distanceFunction: (a, b) => a.sub(b).abs().max(-1),
        swap: c.boolean('swap', false),
      }),
    torch:
      'lambda swap: nn.TripletMarginWithDistanceLoss(distance_function=lambda a, b: (a - b).abs().amax(-1), swap=swap)',
    cases: [{ name: 'triplet-margin-distance-loss-f64', config: { swap: true }, inputs: triplets }],
  }),
  layerCase({
    name: 'MarginRankingLoss',
    build: (c) => new MarginRankingLoss({ margin: c.number('margin', 0) }),
    torch: 'nn.MarginRankingLoss',
    cases: [
      {
        name: 'margin-ranking-loss-f64',
        config: { margin: 0.5 },
        inputs: { x1: normal([5]), x2: normal([5]), y: signs },
      },
    ],
  }),
  layerCase({
    name: 'HingeEmbeddingLoss',
    build: (c) => new HingeEmbeddingLoss({ margin: c.number('margin', 1) }),
    torch: 'nn.HingeEmbeddingLoss',
    cases: [{ name: 'hinge-embedding-loss-f64', config: { margin: 0.7 }, inputs: { x: normal([3, 5]), y: signs } }],
  }),
  layerCase({
    name: 'SoftMarginLoss',
    build: () => new SoftMarginLoss(),
    torch: 'nn.SoftMarginLoss',
    cases: [{ name: 'soft-margin-loss-f64', inputs: { x: normal([3, 5], { std: 3 }), y: signs } }],
  }),
];
