/** What says where a model looks. The other side: scripts/reference/cases/attention.py. */
import { grad } from '@tessera/autograd';
import { AttentionPool2d, VisionTransformer } from '@tessera/models';
import { functional as F, Identity } from '@tessera/nn';
import type { Tensor } from '@tessera/tensor';
import { defineReferenceModule as define, type ReferenceModule } from './reference-module.ts';

export const attentionModules: Readonly<Record<string, ReferenceModule>> = {
  VisionTransformerAttention: define({
    build: (c) =>
      new VisionTransformer(
        c.number('input_resolution'),
        c.number('patch_size'),
        c.number('width'),
        c.number('layers'),
        c.number('heads'),
        c.number('output_dim'),
      ),
    forward: (model, [images]) => {
      const { output, weights } = model.attend(images);
      const layers = Object.fromEntries(weights.map((layer, k) => [`weights_${k}`, layer]));
      return { features: output, ...layers, rollout: F.attentionRollout(weights) };
    },
    wholeModel: true,
  }),
  AttentionRelevance: define({
    build: () => new Identity(),
    forward: (_, [first, second, values, direction]) => {
      const weights = [first, second].map((scores: Tensor) => scores.softmax(-1));
      const y = weights.reduce((x, layer) => layer.matmul(x), values as Tensor);
      return F.attentionRelevance(weights, grad(y.mul(direction).sum(), weights));
    },
  }),
  AttentionPoolWeights: define({
    build: (c) =>
      new AttentionPool2d(
        c.number('spacial_dim'),
        c.number('embed_dim'),
        c.number('num_heads'),
        c.number('output_dim'),
      ),
    forward: (module, [features]) => {
      const { output, weights } = module.attend(features);
      return { out: output, weights };
    },
  }),
};
