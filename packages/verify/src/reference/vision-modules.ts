/** The Vision Transformers and their parts that reference cases can name. The other side: scripts/reference/cases/vision.py. */
import {
  Attention,
  DetectionHead,
  EncoderBlock,
  gridCoordinates,
  interpolatePositions,
  MaskedAutoencoder,
  NaViT,
  type NormPlacement,
  PatchEmbed,
  PatchMerging,
  type PositionInterpolation,
  type PositionKind,
  SegmentationHead,
  Swin,
  SwinBlock,
  ViT,
} from '@tessera/models';
import { functional as F, Identity } from '@tessera/nn';
import { concat, type Tensor, zeros } from '@tessera/tensor';
import type { CaseConfig } from './config.ts';
import { defineReferenceModule as define, type ReferenceModule } from './reference-module.ts';

type Pair = readonly [number, number];

const both = (c: CaseConfig, key: string): Pair => F.pair(c.pair(key));

/** A function without parameters. */
const pure = (forward: (inputs: readonly Tensor[], c: CaseConfig) => Tensor): ReferenceModule =>
  define({ build: () => new Identity(), forward: (_, inputs, c) => forward(inputs, c) });

/** Inputs by position: a case that gives fewer is at fault. */
function exactly<N extends number>(inputs: readonly Tensor[], count: N): Tensor[] {
  if (inputs.length !== count) throw new Error(`the case must have ${count} inputs, it has ${inputs.length}`);
  return [...inputs];
}

/** Angles of the grid's patches behind zeros for the tokens in front. */
function gridAngles(grid: Pair, headWidth: number, prefix: number, dtype: Tensor['dtype']): Tensor {
  const { row, column } = gridCoordinates(grid);
  const angles = F.rotaryAngles2d(row.cast(dtype), column.cast(dtype), headWidth);
  return concat([zeros([prefix, headWidth / 2], { dtype: angles.dtype }), angles]);
}

export const visionModules: Readonly<Record<string, ReferenceModule>> = {
  Interpolate: pure((inputs, c) => {
    const [x] = exactly(inputs, 1);
    return F.interpolate(x, both(c, 'size'), {
      mode: c.string('mode') as F.InterpolationMode,
      antialias: c.boolean('antialias', false),
      alignCorners: c.boolean('align_corners', false),
    });
  }),
  InterpolatePositions: pure((inputs, c) => {
    const [positions] = exactly(inputs, 1);
    return interpolatePositions(positions, both(c, 'old'), both(c, 'new'), c.number('prefix'), {
      mode: c.string('mode', 'bicubic') as Exclude<PositionInterpolation['mode'], undefined>,
      antialias: c.boolean('antialias', true),
    });
  }),
  GeneralizedIoU: pure((inputs) => {
    const [a, b] = exactly(inputs, 2);
    return F.generalizedIoU(a, b);
  }),
  DistillationLoss: pure((inputs, c) => {
    const [logits, distillation, teacher, labels] = exactly(inputs, 4);
    return F.distillationLoss({ logits, distillation }, labels, teacher, {
      kind: c.string('kind') as 'hard' | 'soft',
      alpha: c.number('alpha'),
      temperature: c.number('temperature'),
    });
  }),
  PatchEmbed: define({
    build: (c) => new PatchEmbed(c.number('width'), c.pair('patch_size'), { norm: c.boolean('norm', false) }),
  }),
  Attention: define({
    build: (c) => new Attention(c.number('width'), c.number('heads')),
    forward: (module, [x], c) => {
      if (!c.has('rotary_grid')) return module.forward(x);
      const headWidth = c.number('width') / c.number('heads');
      const rotary = gridAngles(both(c, 'rotary_grid'), headWidth, c.number('prefix'), x.dtype);
      return module.forward(x, { rotary });
    },
  }),
  EncoderBlock: define({
    build: (c) =>
      new EncoderBlock(c.number('width'), c.number('heads'), {
        norm: c.string('norm', 'pre') as NormPlacement,
        mlpRatio: c.number('mlp_ratio', 4),
        ...(c.has('layer_scale') ? { layerScale: c.number('layer_scale') } : {}),
      }),
  }),
  ViT: define({
    build: (c) =>
      new ViT({
        imageSize: both(c, 'image_size'),
        patchSize: c.pair('patch_size'),
        width: c.number('width'),
        depth: c.number('depth'),
        heads: c.number('heads'),
        classes: c.number('classes'),
        norm: c.string('norm', 'pre') as NormPlacement,
        readout: c.string('readout', 'cls') as 'cls' | 'mean',
        distilled: c.boolean('distilled', false),
        positions: c.string('positions', 'learned') as PositionKind,
        dynamicImageSize: true,
        ...(c.has('layer_scale') ? { layerScale: c.number('layer_scale') } : {}),
      }),
    forward: (model, [images]) => (model.dist_token === null ? model.forward(images) : { ...model.distill(images) }),
    wholeModel: true,
  }),
  MaskedAutoencoder: define({
    build: (c) =>
      new MaskedAutoencoder({
        imageSize: both(c, 'image_size'),
        patchSize: c.pair('patch_size'),
        width: c.number('width'),
        depth: c.number('depth'),
        heads: c.number('heads'),
        decoderWidth: c.number('decoder_width'),
        decoderDepth: c.number('decoder_depth'),
        decoderHeads: c.number('decoder_heads'),
        maskRatio: c.number('mask_ratio'),
        normalizePixels: c.boolean('norm_pix_loss', true),
      }),
    forward: (model, inputs) => {
      const [images, noise] = exactly(inputs, 2);
      const { prediction, mask } = model.reconstruct(images, noise);
      return { prediction, mask: mask.cast(prediction.dtype), loss: model.loss(images, prediction, mask) };
    },
    wholeModel: true,
  }),
  SwinBlock: define({
    build: (c) => {
      const [window, shift] = [c.number('window'), c.number('shift')];
      const options = { mlpRatio: c.number('mlp_ratio', 4), dropPath: 0 };
      return new SwinBlock(c.number('width'), c.number('heads'), [window, window], [shift, shift], options);
    },
  }),
  PatchMerging: define({ build: (c) => new PatchMerging(c.number('width')) }),
  Swin: define({
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
  }),
  DetectionHead: define({
    build: (c) => new DetectionHead(c.number('width'), c.number('classes')),
    forward: (head, [patches], c) => {
      const { boxes, logits } = head.forward(patches, both(c, 'grid'));
      return { boxes, logits };
    },
  }),
  SegmentationHead: define({
    build: (c) => new SegmentationHead(c.number('width'), c.number('classes')),
    forward: (head, [patches], c) => head.forward(patches, both(c, 'grid'), both(c, 'size')),
  }),
  NaViT: define({
    build: (c) =>
      new NaViT({
        patchSize: c.number('patch_size'),
        width: c.number('width'),
        depth: c.number('depth'),
        heads: c.number('heads'),
        maxGrid: c.number('max_grid'),
        classes: c.number('classes'),
        pool: c.string('pool', 'attention') as 'attention' | 'mean',
        positions: c.string('positions', 'factorized') as 'factorized' | 'rotary',
      }),
    forward: (model, inputs, c) => {
      const [patches, image, row, column] = exactly(inputs, 4);
      return model.forward({ patches, image, row, column }, c.number('slots'));
    },
    wholeModel: true,
  }),
};
