/** Check cases of MaskedAutoencoder. */
import { type CheckCase, layerCase, normal, uniform } from '@tessera/nn/cases';
import { MaskedAutoencoder } from './masked-autoencoder.ts';

const small = {
  image_size: [4, 6],
  patch_size: 2,
  width: 8,
  depth: 1,
  heads: 2,
  decoder_width: 4,
  decoder_depth: 1,
  decoder_heads: 2,
  mask_ratio: 0.5,
};

const autoencoder = (name: string, options: object, given: Partial<CheckCase> = {}): CheckCase => ({
  name,
  config: { ...small, ...options },
  inputs: { image: normal([2, 3, 4, 6]), noise: uniform([2, 6]) },
  outputs: ['prediction', 'mask', 'loss'],
  ...given,
});

export default layerCase({
  name: 'MaskedAutoencoder',
  build: (c) =>
    new MaskedAutoencoder({
      imageSize: c.both('image_size'),
      patchSize: c.pair('patch_size'),
      width: c.number('width'),
      depth: c.number('depth'),
      heads: c.number('heads'),
      decoderWidth: c.number('decoder_width'),
      decoderDepth: c.number('decoder_depth'),
      decoderHeads: c.number('decoder_heads'),
      maskRatio: c.number('mask_ratio'),
      normalizePixels: c.boolean('norm_pix_loss', true),
    }),
  forward: (model, _, images, noise) => {
    const { prediction, mask } = model.reconstruct(images, noise);
    return { prediction, mask: mask.cast(prediction.dtype), loss: model.loss(images, prediction, mask) };
  },
  wholeModel: true,
  torch: { build: 'vision_transformer.MaskedAutoencoder', fill: 'fills.fill_vectors' },
  cases: [autoencoder('mae', {}, { dtype: 'f32' }), autoencoder('mae-plain-pixels-f64', { norm_pix_loss: false })],
});
