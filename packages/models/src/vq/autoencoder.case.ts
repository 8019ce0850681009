/** Check cases of ConvEncoder and ConvDecoder. */
import { type CaseConfig, layerCase, normal } from '@tessera/nn/cases';
import { type AutoencoderOptions, ConvDecoder, ConvEncoder } from './autoencoder.ts';

const options = (c: CaseConfig): AutoencoderOptions => ({
  width: c.number('width'),
  halvings: c.number('halvings'),
  blocks: c.number('blocks'),
  latentWidth: c.number('latent_width'),
});
const config = { width: 6, halvings: 2, blocks: 1, latent_width: 3 };

export default [
  layerCase({
    name: 'ConvEncoder',
    build: (c) => new ConvEncoder(options(c)),
    cases: [{ name: 'two halvings', config, inputs: { images: normal([2, 3, 8, 8]) }, only: 'gradcheck' }],
  }),
  layerCase({
    name: 'ConvDecoder',
    build: (c) => new ConvDecoder(options(c)),
    cases: [{ name: 'two doublings', config, inputs: { latents: normal([2, 3, 2, 2]) }, only: 'gradcheck' }],
  }),
];
