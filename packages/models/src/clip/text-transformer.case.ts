/** Check cases of TextTransformer. */
import { integers, layerCase } from '@tessera/nn/cases';
import { TextTransformer } from './text-transformer.ts';

export default layerCase({
  name: 'TextTransformer',
  build: (c) =>
    new TextTransformer(
      {
        contextLength: c.number('context_length'),
        vocabularySize: c.number('vocab_size'),
        width: c.number('width'),
        layers: c.number('layers'),
        heads: c.number('heads'),
      },
      c.number('output_dim'),
    ),
  wholeModel: true,
  cases: [
    {
      name: 'two layers',
      config: { context_length: 6, vocab_size: 11, width: 8, layers: 2, heads: 2, output_dim: 6 },
      inputs: { tokens: integers([3, 6], 11) },
      only: 'gradcheck',
    },
  ],
});
