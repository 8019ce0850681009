/** Sizes of plain Vision Transformers. */
import type { ViTOptions } from './vit.ts';

type Sizes = Pick<ViTOptions, 'width' | 'depth' | 'heads'>;

/** Touvron et al. 2021, table 1 (Ti, S, B); Dosovitskiy et al. 2021, table 1 (B, L). */
const tiny = { width: 192, depth: 12, heads: 3 } as const satisfies Sizes;
const small = { width: 384, depth: 12, heads: 6 } as const satisfies Sizes;
const base = { width: 768, depth: 12, heads: 12 } as const satisfies Sizes;
const large = { width: 1024, depth: 24, heads: 16 } as const satisfies Sizes;

const imageNet = { imageSize: 224, patchSize: 16, classes: 1000 } as const;

/** Plain Vision Transformers by name. Replace what your data needs: `new ViT({ ...vitPresets['ViT-Ti/16'], classes: 10 })`. */
export const vitPresets = {
  'ViT-Ti/16': { ...imageNet, ...tiny },
  'ViT-S/16': { ...imageNet, ...small },
  'ViT-B/16': { ...imageNet, ...base },
  'ViT-B/32': { ...imageNet, ...base, patchSize: 32 },
  'ViT-L/16': { ...imageNet, ...large },
  'DeiT-Ti/16': { ...imageNet, ...tiny, distilled: true },
  'DeiT-S/16': { ...imageNet, ...small, distilled: true },
  'DeiT-B/16': { ...imageNet, ...base, distilled: true },
  'vit-tiny-64': { imageSize: 64, patchSize: 8, width: 128, depth: 4, heads: 2, classes: 10 },
} as const satisfies Record<string, ViTOptions>;

export type ViTPresetName = keyof typeof vitPresets;
