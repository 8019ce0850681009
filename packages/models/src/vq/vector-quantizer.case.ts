/** Check cases of VectorQuantizer. */
import { type CheckCase, layerCase, normal } from '@tessera/nn/cases';
import { VectorQuantizer } from './vector-quantizer.ts';

// Not for gradcheck: the straight-through gradient is not the derivative.
const common = {
  inputs: { z: normal([2, 9, 3]) },
  outputs: ['quantized', 'commitment', 'perplexity'],
  only: 'torch',
} as const satisfies Partial<CheckCase>;

export default layerCase({
  name: 'VectorQuantizer',
  // Dead codes would restart at random vectors.
  build: (c) =>
    new VectorQuantizer(c.number('codes'), c.number('width'), { decay: c.number('decay', 0.99), restartBelow: 0 }),
  forward: (module, _, z) => {
    const { quantized, commitment, perplexity } = module.forward(z);
    return { quantized, commitment, perplexity };
  },
  torch: { build: 'multimodal.VectorQuantizer', fill: 'fills.fill_codes' },
  cases: [
    { name: 'vector-quantizer-f64', config: { codes: 7, width: 3, decay: 0.9 }, ...common },
    { name: 'vector-quantizer-eval-f64', config: { codes: 7, width: 3 }, mode: 'eval', ...common },
  ],
});
