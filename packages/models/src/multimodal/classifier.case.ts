/** Check cases of MultimodalClassifier. */
import { integers, layerCase, normal } from '@tessera/nn/cases';
import { fusionKinds, MultimodalClassifier } from './classifier.ts';

export default layerCase({
  name: 'MultimodalClassifier',
  build: (c) =>
    new MultimodalClassifier({
      vision: { imageSize: 8, patchSize: 4, width: 8, depth: 1, heads: 2 },
      text: { contextLength: 4, vocabularySize: 9, width: 8, layers: 1, heads: 2 },
      fusion: c.choice('fusion', fusionKinds),
      dim: 6,
      classes: 3,
    }),
  wholeModel: true,
  cases: fusionKinds.map((fusion) => ({
    name: fusion,
    config: { fusion },
    inputs: { images: normal([2, 3, 8, 8]), ids: integers([2, 4], 9) },
    only: 'gradcheck',
  })),
});
