/** Check cases of CrossEntropyLoss. */
import { integers, layerCase, normal } from '../cases/index.ts';
import { CrossEntropyLoss } from './cross-entropy.ts';

export default layerCase({
  name: 'CrossEntropyLoss',
  build: (c) => new CrossEntropyLoss({ labelSmoothing: c.number('label_smoothing', 0) }),
  torch: 'nn.CrossEntropyLoss',
  cases: [
    {
      name: 'cross-entropy-smooth-f64',
      config: { label_smoothing: 0.1 },
      inputs: { logits: normal([6, 7], { std: 3 }), target: integers([6], 7) },
    },
  ],
});
