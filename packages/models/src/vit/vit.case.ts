/** Check cases of ViT. */
import { type CheckCase, layerCase, normal } from '@tessera/nn/cases';
import { normPlacements } from '../blocks/encoder-block.ts';
import { type PositionKind, positionKinds } from './positions.ts';
import { ViT } from './vit.ts';

const small = { image_size: [4, 6], patch_size: 2, width: 8, depth: 1, heads: 2, classes: 5 };

const vit = (name: string, options: object, given: Partial<CheckCase> = {}): CheckCase => ({
  name,
  config: { ...small, ...options },
  inputs: { image: normal([2, 3, 4, 6]) },
  ...given,
});

export default layerCase({
  name: 'ViT',
  build: (c) =>
    new ViT({
      imageSize: c.both('image_size'),
      patchSize: c.pair('patch_size'),
      width: c.number('width'),
      depth: c.number('depth'),
      heads: c.number('heads'),
      classes: c.number('classes'),
      norm: c.choice('norm', normPlacements, 'pre'),
      readout: c.choice('readout', ['cls', 'mean'], 'cls'),
      distilled: c.boolean('distilled', false),
      positions: c.choice('positions', Object.keys(positionKinds) as PositionKind[], 'learned'),
      dynamicImageSize: true,
      layerScale: c.has('layer_scale') ? c.number('layer_scale') : null,
    }),
  forward: (model, _, images) => (model.dist_token === null ? model.forward(images) : { ...model.distill(images) }),
  wholeModel: true,
  torch: { build: 'vision_transformer.ViT', fill: 'fills.fill_vectors' },
  cases: [
    vit('vit-plain', { depth: 2 }, { dtype: 'f32' }),
    vit('vit-post-norm-f64', { norm: 'post', depth: 2 }),
    vit('vit-mean-f64', { readout: 'mean', layer_scale: 0.1 }),
    vit('vit-other-size-f64', {}, { inputs: { image: normal([2, 3, 6, 10]) } }),
    vit('vit-rotary-f64', { positions: 'rotary' }),
    vit('vit-sinusoidal-f64', { positions: 'sinusoidal' }),
    vit('vit-2d-sum-f64', { positions: '2d-sum' }),
    vit('vit-2d-concat-f64', { positions: '2d-concat' }),
    vit('deit-f64', { distilled: true }, { outputs: ['logits', 'distillation'] }),
  ],
});
