/** Check cases of DistillationLoss. */
import { functionCase, integers, normal } from '../cases/index.ts';
import { distillationLoss } from './distillation.ts';

const inputs = {
  logits: normal([4, 5]),
  distillation: normal([4, 5]),
  teacher: normal([4, 5]),
  labels: integers([4], 5),
};
const kinds = ['hard', 'soft'] as const;

export default functionCase({
  name: 'DistillationLoss',
  forward: (_, c, logits, distillation, teacher, labels) =>
    distillationLoss({ logits, distillation }, labels, teacher, {
      kind: c.choice('kind', kinds),
      alpha: c.number('alpha'),
      temperature: c.number('temperature'),
    }),
  torch: { build: 'vision_heads.DistillationLoss', fill: 'fills.fill_vectors' },
  cases: kinds.map((kind) => ({
    name: `distillation-${kind}-f64`,
    config: { kind, alpha: 0.4, temperature: 2.5 },
    inputs,
    // The loss has no gradient with respect to the teacher, but it does change with the teacher.
    only: 'torch',
  })),
});
