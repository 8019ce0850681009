/** Check cases of KLDivLoss. */
import { layerCase, normal, uniform } from '../cases/index.ts';
import { KLDivLoss } from './divergence.ts';

export default layerCase({
  name: 'KLDivLoss',
  build: (c) =>
    new KLDivLoss({
      logTarget: c.boolean('log_target', false),
      reduction: c.choice('reduction', ['mean', 'batchmean', 'sum', 'none'], 'mean'),
    }),
  torch: 'nn.KLDivLoss',
  cases: [
    {
      name: 'kl-div-f64',
      config: { reduction: 'batchmean' },
      inputs: { x: normal([4, 5]), y: uniform([4, 5], { low: 0.05, high: 1 }) },
    },
    { name: 'kl-div-log-target-f64', config: { log_target: true }, inputs: { x: normal([4, 5]), y: normal([4, 5]) } },
  ],
});
