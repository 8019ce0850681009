/** The sizes of a plain Vision Transformer in the `model` sections of several tasks. */
import type { ViTOptions } from '@tessera/models';
import type { z } from 'zod';
import { count, share } from '../config/sections.ts';

export const vitSizes = {
  imageSize: count.describe('side of the square images in pixels; a multiple of patchSize'),
  patchSize: count.describe('side of a square patch in pixels'),
  width: count.describe('numbers in a token; a multiple of heads'),
  layers: count.describe('transformer blocks'),
  heads: count.describe('attention heads of each block'),
};

export const vitDropPath = share
  .default(0)
  .describe('stochastic depth: chance of dropping the last block of an image; smaller for the blocks before it');

type ViTSizes = { readonly [Name in keyof typeof vitSizes]: z.infer<(typeof vitSizes)[Name]> };

export const vitOptions = ({
  imageSize,
  patchSize,
  width,
  layers: depth,
  heads,
  dropPath = 0,
}: ViTSizes & { readonly dropPath?: number }): ViTOptions => ({ imageSize, patchSize, width, depth, heads, dropPath });
