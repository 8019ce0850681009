/** Check cases of DetectionHead. */
import { layerCase, normal } from '@tessera/nn/cases';
import { DetectionHead } from './detection.ts';

export default layerCase({
  name: 'DetectionHead',
  build: (c) => new DetectionHead(c.number('width'), c.number('classes')),
  forward: (head, c, patches) => {
    const { boxes, logits } = head.forward(patches, c.both('grid'));
    return { boxes, logits };
  },
  torch: { build: 'vision_heads.DetectionHead', fill: 'fills.fill_vectors' },
  cases: [
    {
      name: 'detection-head-f64',
      config: { width: 8, classes: 3, grid: [2, 3] },
      inputs: { x: normal([2, 6, 8]) },
      outputs: ['boxes', 'logits'],
    },
  ],
});
