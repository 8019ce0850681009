/** `@tessera/train/display`: pictures, curves and attention maps that notebooks show. */
export { type AttentionOptions, type AttentiveModel, displayAttention } from './attention.ts';
export { displayImage, displayImages, type GridOptions, type ImageOptions } from './images.ts';
export type { PixelOptions, ShownImage } from './pictures.ts';
export { displayRun, type RunOptions } from './run.ts';
export type { Shown } from './shown.ts';
