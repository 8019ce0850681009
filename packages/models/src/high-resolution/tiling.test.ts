/** Tiles of large images: the choice of a grid, and their tokens. */
import { grad } from '@tessera/autograd';
import { init } from '@tessera/nn';
import {
  arange,
  concat,
  manualSeed,
  registerReferenceBackends,
  setDefaultBackend,
  type Tensor,
  tensor,
  zeros,
} from '@tessera/tensor';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { ViT } from '../vit/vit.ts';
import { bestGrid, joinTiles, tileCount, tileImage } from './tiling.ts';

const seed = Number(process.env.TESSERA_SEED ?? Math.floor(Math.random() * 2 ** 31));

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('wasm');
  manualSeed(6);
});

type Choose = (width: number, height: number) => readonly [rows: number, columns: number];

const ours: Choose = (width, height) => bestGrid(width, height, { tileSize: 336, maxTiles: 6 });

/** A mistaken choice: the ratio alone decides, and of equal ratios the first, which is the smallest. */
const byRatioAlone: Choose = (width, height) => {
  let best: readonly [number, number] = [1, 1];
  let least = Infinity;
  for (let rows = 1; rows <= 6; rows++)
    for (let columns = 1; rows * columns <= 6; columns++) {
      const error = Math.abs(columns / rows - width / height);
      if (error < least) [best, least] = [[rows, columns], error];
    }
  return best;
};

describe('bestGrid', () => {
  test('1008 x 672 becomes 2 x 3 tiles and a thumbnail: 4032 tokens with 576 in each tile', () => {
    const grid = ours(1008, 672);
    expect(grid).toEqual([2, 3]);
    expect(tileCount(grid) * 576).toBe(4032);
    expect(ours(672, 1008)).toEqual([3, 2]);
  });

  test('large squares are tiled, small images are not enlarged; the ratio alone gets both wrong', () => {
    expect(ours(1344, 1344)).toEqual([2, 2]);
    expect(byRatioAlone(1344, 1344)).toEqual([1, 1]);
    // A ratio of 16 : 9 is nearer to 2 : 1 than to 3 : 2; two tiles would keep a third of the pixels of six.
    expect(ours(1280, 720)).toEqual([2, 3]);
    expect(byRatioAlone(1280, 720)).toEqual([1, 2]);
    expect(ours(500, 375)).toEqual([1, 1]);
    const [rows, columns] = byRatioAlone(500, 375);
    expect(rows * columns * 336 * 336).toBeGreaterThan(2 * 500 * 375);
    // A single tile is its own thumbnail: it is not repeated.
    expect(tileCount([1, 1])).toBe(1);
  });

  test.each<[width: number, height: number, rows: number, columns: number]>([
    [336, 336, 1, 1],
    [1, 1, 1, 1],
    [672, 336, 1, 2],
    [5000, 100, 1, 6],
    [100, 5000, 6, 1],
    [1000, 670, 2, 3],
    [1150, 1000, 2, 3],
    [1000, 1000, 2, 2],
    [640, 480, 1, 2],
  ])('%i x %i: %i x %i tiles', (width, height, rows, columns) => {
    expect(ours(width, height)).toEqual([rows, columns]);
  });

  test(`any image: within the limit, no side enlarged to more than 3/2 (seed ${seed})`, () => {
    const sizes = fc.tuple(fc.integer({ min: 1, max: 9000 }), fc.integer({ min: 1, max: 9000 }));
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 12 }), ([width, height], maxTiles) => {
        const [rows, columns] = bestGrid(width, height, { tileSize: 64, maxTiles });
        expect(rows * columns).toBeLessThanOrEqual(maxTiles);
        if (rows > 1) expect(rows * 64).toBeLessThanOrEqual(1.5 * height);
        if (columns > 1) expect(columns * 64).toBeLessThanOrEqual(1.5 * width);
        // Turned by a quarter, the image gets the same grid turned.
        const turned = bestGrid(height, width, { tileSize: 64, maxTiles });
        expect(turned[0] * turned[1]).toBe(rows * columns);
      }),
      { seed },
    );
  });

  test('sizes that are none are refused', () => {
    expect(() => bestGrid(0, 10, { tileSize: 8, maxTiles: 4 })).toThrow(
      'bestGrid: sizes must be positive whole numbers, got 0',
    );
    expect(() => bestGrid(10, 10, { tileSize: 8, maxTiles: 0.5 })).toThrow('got 0.5');
  });
});

describe('tileImage', () => {
  const options = { tileSize: 8, maxTiles: 6 };

  test('tiles are the pieces of the image, in order, and the thumbnail is last', async () => {
    const image = arange(16 * 24)
      .reshape(1, 16, 24)
      .cast('f32');
    const { tiles, grid } = tileImage(image, options);
    expect(grid).toEqual([2, 3]);
    expect(tiles.shape).toEqual([7, 1, 8, 8]);
    const rows = [0, 1].map((r) =>
      concat(
        [0, 1, 2].map((c) => tiles.select(0, 3 * r + c)),
        2,
      ),
    );
    expect(await concat(rows, 1).data()).toEqual(await image.data());
    expect(await tiles.select(0, 6).mean().item()).toBeCloseTo(await image.mean().item(), 0);
    expect(tileImage(image.slice(1, 0, 8).slice(2, 0, 8), options).tiles.shape).toEqual([1, 1, 8, 8]);
  });

  test('1008 x 672 pixels through an encoder for 336: 7 tiles of 576 tokens', () => {
    const { tiles } = tileImage(zeros([3, 672, 1008]), { tileSize: 336, maxTiles: 6 });
    expect(tiles.shape).toEqual([7, 3, 336, 336]);
    const encoder = new ViT({ imageSize: 336, patchSize: 14, width: 8, depth: 1, heads: 2 });
    const { tokens, prefix } = encoder.encode(tiles);
    expect(tokens.slice(1, prefix).flatten(0, 1).shape).toEqual([4032, 8]);
  });

  test('the last rows and columns count; with floor division they are lost', async () => {
    // 17 x 25 pixels, black but for the last row and column.
    const values = Float32Array.from({ length: 17 * 25 }, (_, k) => (k >= 16 * 25 || k % 25 === 24 ? 1 : 0));
    const image = tensor(values, { shape: [1, 17, 25] });
    const { tiles, grid } = tileImage(image, options);
    expect(grid).toEqual([2, 3]);
    const brightness = (pieces: Tensor): Promise<number> => pieces.abs().max().item();
    expect(await brightness(tiles.slice(0, 3, 6))).toBeGreaterThan(0.5);
    // The mistaken version cuts tiles of floor(17 / 2) x floor(25 / 3) pixels: 16 x 24 of 17 x 25.
    const mistaken = concat(
      [0, 1].flatMap((r) => [0, 1, 2].map((c) => image.slice(1, r * 8, r * 8 + 8).slice(2, c * 8, c * 8 + 8))),
      0,
    );
    expect(await brightness(mistaken)).toBe(0);
  });

  test('every pixel has influence on some tile', async () => {
    for (const [height, width] of [
      [19, 23],
      [9, 31],
      [13, 13],
    ] as const) {
      const image = init.normal()([1, height, width]);
      image.requiresGrad = true;
      const { tiles, grid } = tileImage(image, options);
      const pieces = grid[0] * grid[1];
      const influence = await grad(tiles.slice(0, 0, pieces).square().sum(), image)
        .abs()
        .data();
      expect(Math.min(...influence)).toBeGreaterThan(0);
    }
  });

  test("joinTiles puts tiles' tokens where the image has them", async () => {
    const image = arange(8 * 12).reshape(8, 12, 1);
    const tile = (r: number, c: number): Tensor =>
      image
        .slice(0, 4 * r, 4 * r + 4)
        .slice(1, 4 * c, 4 * c + 4)
        .reshape(1, 16, 1);
    const tokens = concat(
      [0, 1].flatMap((r) => [0, 1, 2].map((c) => tile(r, c))),
      0,
    );
    expect(await joinTiles(tokens, [2, 3], [4, 4]).toArray()).toEqual(await image.toArray());
    expect(() => joinTiles(tokens, [2, 2], [4, 4])).toThrow(
      'tokens [6, 16, 1] are not those of 2 x 2 tiles with 4 x 4 tokens each',
    );
  });
});
