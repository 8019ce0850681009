/** The sizes of a plain Vision Transformer, and of a text's transformer next to it, in the `model` sections of several tasks. */
import type { ViTOptions } from '@tessera/models';
import { z } from 'zod';
import { count, share } from '../config/sections.ts';

type Values<Settings extends z.ZodRawShape> = { readonly [Name in keyof Settings]: z.infer<Settings[Name]> };

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

export type ViTSizes = Values<typeof vitSizes>;

export const vitOptions = ({
  imageSize,
  patchSize,
  width,
  layers: depth,
  heads,
  dropPath = 0,
}: ViTSizes & { readonly dropPath?: number }): ViTOptions => ({ imageSize, patchSize, width, depth, heads, dropPath });

export const textSizes = {
  contextLength: z.int().min(3).describe('tokens of a text, start and end included'),
  width: count.describe('numbers in a token of the text; a multiple of heads'),
  layers: count.describe('transformer blocks for the text'),
  heads: count.describe('attention heads of each block'),
};

export type TextSizes = Values<typeof textSizes>;
