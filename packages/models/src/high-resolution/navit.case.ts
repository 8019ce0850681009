/** Check cases of NaViT. */
import { type CheckCase, constant, layerCase, normal } from '@tessera/nn/cases';
import { NaViT } from './navit.ts';

/** Two sequences of two images each: 2 x 3 and 1 x 2 patches, then 3 x 1 and 2 x 2 patches and a token of padding. */
const packed = {
  patches: normal([2, 8, 12]),
  image: constant([0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 1, 1, -1], [2, 8]),
  row: constant([0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 2, 0, 0, 1, 1, 0], [2, 8]),
  column: constant([0, 1, 2, 0, 1, 2, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0], [2, 8]),
};

const navit = (name: string, options: object = {}): CheckCase => ({
  name,
  config: { patch_size: 2, width: 8, depth: 1, heads: 2, max_grid: 4, classes: 3, slots: 2, ...options },
  inputs: packed,
});

export default layerCase({
  name: 'NaViT',
  build: (c) =>
    new NaViT({
      patchSize: c.number('patch_size'),
      width: c.number('width'),
      depth: c.number('depth'),
      heads: c.number('heads'),
      maxGrid: c.number('max_grid'),
      classes: c.number('classes'),
      pool: c.choice('pool', ['attention', 'mean'], 'attention'),
      positions: c.choice('positions', ['factorized', 'rotary'], 'factorized'),
    }),
  forward: (model, c, patches, image, row, column) => model.forward({ patches, image, row, column }, c.number('slots')),
  wholeModel: true,
  torch: { build: 'vision_transformer.NaViT', fill: 'fills.fill_vectors' },
  cases: [
    navit('navit-f64'),
    navit('navit-mean-f64', { pool: 'mean' }),
    navit('navit-rotary-f64', { positions: 'rotary' }),
  ],
});
