/** Check cases of SwinBlock, PatchMerging and Swin. */
import { layerCase, normal } from '@tessera/nn/cases';
import { PatchMerging, Swin, SwinBlock } from './swin.ts';

const fill = 'fills.fill_vectors';

export default [
  layerCase({
    name: 'SwinBlock',
    build: (c) => {
      const [window, shift] = [c.number('window'), c.number('shift')];
      const options = { mlpRatio: c.number('mlp_ratio', 4), dropPath: 0 };
      return new SwinBlock(c.number('width'), c.number('heads'), [window, window], [shift, shift], options);
    },
    torch: { build: 'swin.SwinBlock', fill },
    cases: [
      {
        name: 'swin-block-f64',
        config: { width: 8, heads: 2, window: 2, shift: 0 },
        inputs: { x: normal([2, 4, 4, 8]) },
      },
      {
        name: 'swin-block-shifted-f64',
        config: { width: 8, heads: 2, window: 3, shift: 1 },
        inputs: { x: normal([2, 6, 6, 8]) },
      },
      {
        name: 'swin-block-padded-f64',
        config: { width: 8, heads: 2, window: 4, shift: 2 },
        inputs: { x: normal([1, 5, 7, 8]) },
      },
    ],
  }),
  layerCase({
    name: 'PatchMerging',
    build: (c) => new PatchMerging(c.number('width')),
    torch: { build: 'swin.PatchMerging', fill },
    cases: [{ name: 'patch-merging-f64', config: { width: 3 }, inputs: { x: normal([2, 4, 5, 3]) } }],
  }),
  layerCase({
    name: 'Swin',
    build: (c) =>
      new Swin({
        imageSize: c.number('image_size'),
        patchSize: c.number('patch_size'),
        width: c.number('width'),
        depths: c.numbers('depths'),
        heads: c.numbers('heads'),
        window: c.number('window'),
        classes: c.number('classes'),
        dropPath: 0,
      }),
    wholeModel: true,
    torch: { build: 'swin.Swin', fill },
    cases: [
      {
        name: 'swin',
        config: { image_size: 24, patch_size: 2, width: 4, depths: [2, 2, 1], heads: [1, 2, 4], window: 4, classes: 3 },
        inputs: { image: normal([2, 3, 24, 24]) },
        dtype: 'f32',
        only: 'torch',
      },
      {
        name: 'two stages',
        config: { image_size: 8, patch_size: 2, width: 4, depths: [2, 1], heads: [1, 2], window: 2, classes: 2 },
        inputs: { image: normal([1, 3, 8, 8]) },
        only: 'gradcheck',
      },
    ],
  }),
];
