/** Check cases of ModifiedResNet. */
import { layerCase, normal } from '@tessera/nn/cases';
import { ModifiedResNet } from './modified-resnet.ts';

export default layerCase({
  name: 'ModifiedResNet',
  build: (c) =>
    new ModifiedResNet(
      c.numbers('layers'),
      c.number('output_dim'),
      c.number('heads'),
      c.number('input_resolution', 224),
      c.number('width', 64),
    ),
  wholeModel: true,
  torch: 'modified_resnet.ModifiedResNet',
  cases: [
    {
      name: 'modified-resnet-train-f64',
      config: { layers: [1, 1, 1, 1], output_dim: 5, heads: 2, input_resolution: 64, width: 2 },
      inputs: { image: normal([1, 3, 64, 64]) },
      // The batch statistics of the last stage, over four values, change too fast for differences.
      only: 'torch',
    },
    {
      name: 'evaluation',
      config: { layers: [1, 1, 1, 1], output_dim: 6, heads: 2, input_resolution: 32, width: 2 },
      inputs: { image: normal([2, 3, 32, 32]) },
      mode: 'eval',
      only: 'gradcheck',
    },
  ],
});
