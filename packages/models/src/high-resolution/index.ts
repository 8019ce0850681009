/** Models and preprocessing for images of high or varying resolution. */
export { type NativeResolutionOptions, nativeGrid, resizeToPatches } from './native-resolution.ts';
export { NaViT, type NaViTOptions, type PackedBatch, type PackedTokens, unpackFeatures } from './navit.ts';
export { blockMask, type PackedImages, type Packing, type PackOptions, packImages, packLengths } from './packing.ts';
export { bestGrid, joinTiles, type Tiles, type TilingOptions, tileCount, tileImage } from './tiling.ts';
