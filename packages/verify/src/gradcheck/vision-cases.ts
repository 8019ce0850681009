import {
  Attention,
  DetectionHead,
  EncoderBlock,
  LinearPatchEmbed,
  MaskedAutoencoder,
  NaViT,
  PatchEmbed,
  PatchMerging,
  type PositionKind,
  SegmentationHead,
  Swin,
  SwinBlock,
  ViT,
  type ViTOptions,
} from '@tessera/models';
import { functional as F, type Module } from '@tessera/nn';
import { rand, randn, type Tensor, tensor } from '@tessera/tensor';
import type { GradcheckCase } from './check-module.ts';

const normal = (...shape: number[]): Tensor => randn(shape, { dtype: 'f64' });

/** Keeps the types of module and forward together. */
const define = <M extends Module>(make: () => GradcheckCase<M>): (() => GradcheckCase) =>
  make as unknown as () => GradcheckCase;

const small: ViTOptions = { imageSize: [4, 6], patchSize: 2, width: 8, depth: 1, heads: 2, classes: 3 };

const vit = (options: Partial<ViTOptions> = {}): (() => GradcheckCase) =>
  define(() => ({ module: new ViT({ ...small, ...options }), inputs: [normal(2, 3, 4, 6)] }));

const positions = (kind: PositionKind): (() => GradcheckCase) => vit({ positions: kind });

/** One sequence with two images of 2 x 2 and 1 x 1 patches, and a token of padding. */
const packed = (): { image: Tensor; row: Tensor; column: Tensor } => ({
  image: tensor(Int32Array.of(0, 0, 0, 0, 1, -1), { shape: [1, 6] }),
  row: tensor(Int32Array.of(0, 0, 1, 1, 0, 0), { shape: [1, 6] }),
  column: tensor(Int32Array.of(0, 1, 0, 1, 0, 0), { shape: [1, 6] }),
});

/** Vision Transformers and their parts, small. */
export const visionGradcheckCases: Readonly<Record<string, () => GradcheckCase>> = {
  PatchEmbed: define(() => ({ module: new PatchEmbed(4, 2, { norm: true }), inputs: [normal(2, 3, 4, 6)] })),
  LinearPatchEmbed: define(() => ({ module: new LinearPatchEmbed(4, [2, 3]), inputs: [normal(2, 3, 4, 6)] })),
  'Attention, rotary': define(() => ({
    module: new Attention(8, 2),
    inputs: [normal(2, 4, 8)],
    forward: (module, x) =>
      module.forward(x, { rotary: F.rotaryAngles2d(tensor([0, 0, 1, 1]), tensor([0, 1, 0, 1]), 4) }),
  })),
  'EncoderBlock, pre-norm': define(() => ({
    module: new EncoderBlock(8, 2, { layerScale: 0.5 }),
    inputs: [normal(2, 3, 8)],
  })),
  'EncoderBlock, post-norm': define(() => ({
    module: new EncoderBlock(8, 2, { norm: 'post' }),
    inputs: [normal(2, 3, 8)],
  })),
  ViT: vit(),
  'ViT, mean of the patches': vit({ readout: 'mean' }),
  'ViT, distillation token': vit({ distilled: true }),
  'ViT, sum of rows and columns': positions('2d-sum'),
  'ViT, halves for rows and columns': positions('2d-concat'),
  'ViT, rotary': positions('rotary'),
  'ViT, another size': define(() => ({
    module: new ViT({ ...small, dynamicImageSize: true }),
    inputs: [normal(1, 3, 6, 4)],
  })),
  MaskedAutoencoder: define(() => {
    const noise = rand([2, 6]);
    return {
      module: new MaskedAutoencoder({
        ...small,
        decoderWidth: 4,
        decoderDepth: 1,
        decoderHeads: 1,
        maskRatio: 0.5,
      }),
      inputs: [normal(2, 3, 4, 6)],
      forward: (module, images) => module.forward(images, noise),
    };
  }),
  'SwinBlock, shifted and padded': define(() => ({
    module: new SwinBlock(4, 2, [2, 2], [1, 1], { mlpRatio: 2, dropPath: 0 }),
    inputs: [normal(1, 3, 5, 4)],
  })),
  PatchMerging: define(() => ({ module: new PatchMerging(3), inputs: [normal(2, 2, 3, 3)] })),
  Swin: define(() => ({
    module: new Swin({
      imageSize: 8,
      patchSize: 2,
      width: 4,
      depths: [2, 1],
      heads: [1, 2],
      window: 2,
      dropPath: 0,
      classes: 2,
    }),
    inputs: [normal(1, 3, 8, 8)],
  })),
  DetectionHead: define(() => ({
    module: new DetectionHead(4, 2),
    inputs: [normal(2, 6, 4)],
    forward: (module, patches) => {
      const { boxes, logits } = module.forward(patches, [2, 3]);
      return [boxes, logits];
    },
  })),
  SegmentationHead: define(() => ({
    module: new SegmentationHead(4, 2),
    inputs: [normal(2, 6, 4)],
    forward: (module, patches) => module.forward(patches, [2, 3], [5, 6]),
  })),
  NaViT: define(() => ({
    module: new NaViT({ patchSize: 2, width: 8, depth: 1, heads: 2, maxGrid: 2, classes: 3 }),
    inputs: [normal(1, 6, 12)],
    forward: (module, patches) => module.forward({ patches, ...packed() }, 2),
  })),
  'NaViT, rotary, mean': define(() => ({
    module: new NaViT({
      patchSize: 2,
      width: 8,
      depth: 1,
      heads: 2,
      maxGrid: 2,
      classes: 3,
      positions: 'rotary',
      pool: 'mean',
    }),
    inputs: [normal(1, 6, 12)],
    forward: (module, patches) => module.forward({ patches, ...packed() }, 2),
  })),
};
