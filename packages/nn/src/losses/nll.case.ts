/** Check cases of NLLLoss. */
import { tensor } from '@tessera/tensor';
import { constant, layerCase, normal } from '../cases/index.ts';
import { NLLLoss } from './nll.ts';

export default layerCase({
  name: 'NLLLoss',
  build: (c) =>
    new NLLLoss({
      weight: tensor([...c.numbers('weight')]),
      ignoreIndex: c.number('ignore_index', -100),
      reduction: c.choice('reduction', ['mean', 'sum', 'none'], 'mean'),
    }),
  torch: 'lambda weight, **options: nn.NLLLoss(weight=torch.tensor(weight), **options)',
  cases: [
    {
      name: 'nll-loss-pixels-f64',
      config: { weight: [0.5, 2, 1], ignore_index: 255 },
      inputs: { x: normal([2, 3, 2, 2]), y: constant([0, 2, 255, 1, 1, 0, 255, 0], [2, 2, 2]) },
    },
    {
      name: 'nll-loss-ignored-class-f64',
      config: { weight: [0.5, 2, 1], ignore_index: 1, reduction: 'sum' },
      inputs: { x: normal([5, 3]), y: constant([0, 1, 2, 1, 0]) },
    },
  ],
});
