/** Check cases of CrossEntropyLoss. */
import { tensor } from '@tessera/tensor';
import { constant, integers, layerCase, normal, uniform } from '../cases/index.ts';
import { CrossEntropyLoss } from './cross-entropy.ts';

export default layerCase({
  name: 'CrossEntropyLoss',
  build: (c) =>
    new CrossEntropyLoss({
      weight: c.has('weight') ? tensor([...c.numbers('weight')]) : null,
      labelSmoothing: c.number('label_smoothing', 0),
      ...(c.has('ignore_index') ? { ignoreIndex: c.number('ignore_index') } : {}),
    }),
  torch:
    'lambda weight=None, **options: nn.CrossEntropyLoss(weight=None if weight is None else torch.tensor(weight), **options)',
  cases: [
    {
      name: 'cross-entropy-smooth-f64',
      config: { label_smoothing: 0.1 },
      inputs: { logits: normal([6, 7], { std: 3 }), target: integers([6], 7) },
    },
    {
      name: 'cross-entropy-ignored-f64',
      config: { label_smoothing: 0.1 },
      inputs: { logits: normal([5, 4]), target: constant([0, -100, 3, 2, -100]) },
    },
    {
      name: 'cross-entropy-pixels-f64',
      config: { weight: [0.5, 2, 1], ignore_index: 255, label_smoothing: 0.2 },
      inputs: { logits: normal([2, 3, 2, 2]), target: constant([0, 2, 255, 1, 1, 0, 255, 0], [2, 2, 2]) },
    },
    {
      name: 'cross-entropy-probabilities-f64',
      config: { weight: [0.5, 2, 1], label_smoothing: 0.2 },
      inputs: { logits: normal([4, 3], { std: 2 }), target: uniform([4, 3]) },
    },
    { name: 'cross-entropy-single-f64', inputs: { logits: normal([5]), target: constant([3], []) } },
  ],
});
