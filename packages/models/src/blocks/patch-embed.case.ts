/** Check cases of PatchEmbed and LinearPatchEmbed. */
import { layerCase, normal } from '@tessera/nn/cases';
import { LinearPatchEmbed, PatchEmbed } from './patch-embed.ts';

export default [
  layerCase({
    name: 'PatchEmbed',
    build: (c) => new PatchEmbed(c.number('width'), c.pair('patch_size'), { norm: c.boolean('norm', false) }),
    torch: { build: 'vision_transformer.PatchEmbed', fill: 'fills.fill_vectors' },
    cases: [
      {
        name: 'patch-embed-f64',
        config: { width: 6, patch_size: 4, norm: true },
        inputs: { image: normal([2, 3, 8, 12]) },
      },
    ],
  }),
  layerCase({
    name: 'LinearPatchEmbed',
    build: (c) => new LinearPatchEmbed(c.number('width'), c.pair('patch_size')),
    cases: [
      {
        name: 'rectangular patches',
        config: { width: 4, patch_size: [2, 3] },
        inputs: { image: normal([2, 3, 4, 6]) },
        only: 'gradcheck',
      },
    ],
  }),
];
