/** Check cases of LinearConnector, PerceiverResampler and MLPConnector. */
import { layerCase, normal } from '@tessera/nn/cases';
import { LinearConnector, MLPConnector, PerceiverResampler } from './connector.ts';

const inputs = { tokens: normal([2, 7, 6]) };

export default [
  layerCase({
    name: 'LinearConnector',
    build: (c) => new LinearConnector(c.number('width'), c.number('output_width')),
    cases: [{ name: 'tokens', config: { width: 6, output_width: 5 }, inputs, only: 'gradcheck' }],
  }),
  layerCase({
    name: 'PerceiverResampler',
    build: (c) =>
      new PerceiverResampler(c.number('width'), c.number('output_width'), {
        latents: c.number('latents'),
        layers: c.number('layers'),
        heads: c.number('num_heads'),
        headWidth: c.number('head_width'),
      }),
    torch: 'multimodal.PerceiverResampler',
    cases: [
      {
        name: 'perceiver-resampler-f64',
        config: { width: 6, output_width: 5, latents: 3, layers: 2, num_heads: 2, head_width: 4 },
        inputs,
      },
    ],
  }),
  layerCase({
    name: 'MLPConnector',
    build: (c) => new MLPConnector(c.number('width'), c.number('output_width')),
    torch: 'multimodal.MLPConnector',
    cases: [{ name: 'mlp-connector-f64', config: { width: 6, output_width: 5 }, inputs }],
  }),
];
