/** Check cases of the losses of yes-or-no decisions. */
import { tensor } from '@tessera/tensor';
import { type CaseConfig, constant, layerCase, normal, uniform } from '../cases/index.ts';
import { BCELoss, BCEWithLogitsLoss, MultiLabelSoftMarginLoss } from './binary-cross-entropy.ts';

const weightOf = (c: CaseConfig, key: string) => (c.has(key) ? tensor([...c.numbers(key)]) : null);

const probability = { low: 0.05, high: 0.95 };
const labels = constant([1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 1], [4, 3]);

export default [
  layerCase({
    name: 'BCELoss',
    build: (c) => new BCELoss({ weight: weightOf(c, 'weight') }),
    torch: 'lambda weight=None: nn.BCELoss(weight=None if weight is None else torch.tensor(weight))',
    cases: [
      { name: 'bce-loss-f64', inputs: { x: uniform([4, 3], probability), y: uniform([4, 3]) } },
      {
        name: 'bce-loss-weights-f64',
        config: { weight: [0.5, 2, 1.5] },
        inputs: { x: uniform([4, 3], probability), y: uniform([4, 3]) },
      },
    ],
  }),
  layerCase({
    name: 'BCEWithLogitsLoss',
    build: (c) => new BCEWithLogitsLoss({ weight: weightOf(c, 'weight'), posWeight: weightOf(c, 'pos_weight') }),
    torch:
      'lambda weight=None, pos_weight=None: nn.BCEWithLogitsLoss(' +
      'weight=None if weight is None else torch.tensor(weight), pos_weight=None if pos_weight is None else torch.tensor(pos_weight))',
    cases: [
      { name: 'bce-logits-loss-f64', inputs: { x: normal([4, 3], { std: 4 }), y: uniform([4, 3]) } },
      {
        name: 'bce-logits-loss-weights-f64',
        config: { weight: [0.5, 2, 1.5], pos_weight: [3, 1, 0.25] },
        inputs: { x: normal([4, 3], { std: 4 }), y: uniform([4, 3]) },
      },
    ],
  }),
  layerCase({
    name: 'MultiLabelSoftMarginLoss',
    build: (c) => new MultiLabelSoftMarginLoss({ weight: weightOf(c, 'weight') }),
    torch: 'lambda weight: nn.MultiLabelSoftMarginLoss(weight=torch.tensor(weight))',
    cases: [
      {
        name: 'multilabel-soft-margin-loss-f64',
        config: { weight: [0.5, 2, 1.5] },
        inputs: { x: normal([4, 3], { std: 3 }), y: labels },
      },
    ],
  }),
];
