/** Check cases of GeneralizedIoU. */
import { functionCase } from '../cases/index.ts';
import { generalizedIoU } from './boxes.ts';

export default functionCase({
  name: 'GeneralizedIoU',
  forward: (_, _c, a, b) => generalizedIoU(a, b),
  torch: { build: 'vision_heads.GeneralizedIoU', fill: 'fills.fill_vectors' },
  cases: [{ name: 'generalized-iou-f64', inputs: 'vision_heads.boxes' }],
});
