/** Check cases of the losses with a margin between classes. */
import { tensor } from '@tessera/tensor';
import { constant, layerCase, normal } from '../cases/index.ts';
import { MultiLabelMarginLoss, MultiMarginLoss } from './class-margins.ts';

export default [
  layerCase({
    name: 'MultiMarginLoss',
    build: (c) =>
      new MultiMarginLoss({
        p: c.number('p', 1) === 2 ? 2 : 1,
        margin: c.number('margin', 1),
        weight: c.has('weight') ? tensor([...c.numbers('weight')]) : null,
      }),
    torch:
      'lambda weight=None, **options: nn.MultiMarginLoss(weight=None if weight is None else torch.tensor(weight), **options)',
    cases: [
      { name: 'multi-margin-loss-f64', inputs: { x: normal([4, 3]), y: constant([0, 2, 1, 2]) } },
      {
        name: 'multi-margin-loss-weights-f64',
        config: { p: 2, margin: 0.5, weight: [0.5, 2, 1.5] },
        inputs: { x: normal([4, 3]), y: constant([0, 2, 1, 2]) },
      },
    ],
  }),
  layerCase({
    name: 'MultiLabelMarginLoss',
    build: () => new MultiLabelMarginLoss(),
    torch: 'nn.MultiLabelMarginLoss',
    cases: [
      {
        name: 'multilabel-margin-loss-f64',
        inputs: { x: normal([3, 4]), y: constant([3, 0, -1, 1, 2, -1, -1, -1, 0, 1, 3, 2], [3, 4]) },
      },
    ],
  }),
];
