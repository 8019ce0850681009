/** Check cases of SegmentationHead. */
import { layerCase, normal } from '@tessera/nn/cases';
import { SegmentationHead } from './segmentation.ts';

export default layerCase({
  name: 'SegmentationHead',
  build: (c) => new SegmentationHead(c.number('width'), c.number('classes')),
  forward: (head, c, patches) => head.forward(patches, c.both('grid'), c.both('size')),
  torch: { build: 'vision_heads.SegmentationHead', fill: 'fills.fill_vectors' },
  cases: [
    {
      name: 'segmentation-head-f64',
      config: { width: 8, classes: 3, grid: [2, 3], size: [7, 12] },
      inputs: { x: normal([2, 6, 8]) },
    },
  ],
});
