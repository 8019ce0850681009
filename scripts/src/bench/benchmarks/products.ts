/** The works of single operations: matrix products, convolutions, attention. */
import { type AttentionWork, type ConvWork, type GemmWork, gemm } from '../work.ts';

/** A product that is large enough for full speed; its sizes are multiples of all usual tile sizes. */
export const peakWork: GemmWork = gemm(1008, 1008, 1008);

/** A ViT of width 128 on 64 images of 65 tokens has 64 * 65 = 4160 rows; its text tower has 64 * 16 = 1024. */
const rows = 4160;
const width = 128;

export const gemmWorks: readonly GemmWork[] = [
  gemm(rows, 3 * width, width, { transposeB: true }), // attention's input projection
  gemm(rows, 4 * width, width, { transposeB: true }), // first layer of the MLP
  gemm(rows, width, 4 * width, { transposeB: true }), // second layer of the MLP
  gemm(rows, width, 4 * width), // gradient of the first layer's input
  gemm(4 * width, width, rows, { transposeA: true }), // gradient of the first layer's weight
  gemm(1024, 4 * width, width, { transposeB: true }), // the first layer in the text tower
  gemm(rows, 4 * 256, 256, { transposeB: true }), // width 256
  gemm(65, 65, 64, { batch: 128, transposeB: true }), // attention's scores
  gemm(65, 64, 65, { batch: 128 }), // and their product with the values
  gemm(77, 77, 64, { batch: 128, transposeB: true }),
  gemm(257, 257, 64, { batch: 16, transposeB: true }),
];

const passes = ['forward', 'input gradient', 'weight gradient'] as const;

const convolutions: readonly Omit<ConvWork, 'pass'>[] = [
  { kind: 'conv', images: 64, channels: 32, size: 32, filters: 32, window: 3, stride: 1, padding: 1 },
  { kind: 'conv', images: 64, channels: 128, size: 8, filters: 128, window: 3, stride: 1, padding: 1 },
  { kind: 'conv', images: 64, channels: 3, size: 64, filters: 16, window: 3, stride: 2, padding: 1 },
  { kind: 'conv', images: 64, channels: 64, size: 16, filters: 64, window: 3, stride: 2, padding: 1 },
  { kind: 'conv', images: 64, channels: 64, size: 16, filters: 256, window: 1, stride: 1, padding: 0 },
  { kind: 'conv', images: 64, channels: 3, size: 64, filters: 128, window: 8, stride: 8, padding: 0 },
];

export const convWorks: readonly ConvWork[] = convolutions.flatMap((convolution) =>
  passes.map((pass) => ({ ...convolution, pass })),
);

const attentions: readonly Omit<AttentionWork, 'pass'>[] = [
  { kind: 'attention', batch: 64, heads: 2, length: 65, width: 64, causal: false },
  { kind: 'attention', batch: 64, heads: 4, length: 65, width: 64, causal: false },
  { kind: 'attention', batch: 64, heads: 2, length: 16, width: 64, causal: true },
  { kind: 'attention', batch: 64, heads: 4, length: 32, width: 64, causal: true },
  { kind: 'attention', batch: 16, heads: 8, length: 77, width: 64, causal: true },
];

export const attentionWorks: readonly AttentionWork[] = attentions.flatMap((attention) =>
  (['forward', 'forward and backward'] as const).map((pass) => ({ ...attention, pass })),
);
