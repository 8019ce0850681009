/** Check cases of VQTokenizer. */
import { layerCase, normal } from '@tessera/nn/cases';
import { VQTokenizer } from './vq-tokenizer.ts';

export default layerCase({
  name: 'VQTokenizer',
  build: (c) =>
    new VQTokenizer({
      imageSize: c.number('image_size'),
      patchSize: c.number('patch_size'),
      width: c.number('width'),
      blocks: c.number('blocks'),
      codes: c.number('codes'),
      codeWidth: c.number('code_width'),
      // Dead codes would restart at random vectors.
      restartBelow: 0,
    }),
  forward: (module, _, images) => {
    const { reconstruction, commitment, perplexity } = module.forward(images);
    return { reconstruction, commitment, perplexity };
  },
  torch: { build: 'multimodal.VQTokenizer', fill: 'fills.fill_codes' },
  cases: [
    {
      name: 'vq-tokenizer-f64',
      config: { image_size: 8, patch_size: 4, width: 6, blocks: 1, codes: 7, code_width: 3 },
      inputs: { images: normal([2, 3, 8, 8]) },
      outputs: ['reconstruction', 'commitment', 'perplexity'],
      // The straight-through gradient is not the derivative.
      only: 'torch',
    },
  ],
});
