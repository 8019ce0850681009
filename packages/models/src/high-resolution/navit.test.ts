/** Native resolution, packing, and NaViT. */
import { crossEntropy, init } from '@tessera/nn';
import {
  concat,
  formatShape,
  manualSeed,
  registerReferenceBackends,
  setDefaultBackend,
  type Tensor,
  tensor,
} from '@tessera/tensor';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { fit } from '../testing/fit.ts';
import { at } from '../testing/lists.ts';
import { nativeGrid, resizeToPatches } from './native-resolution.ts';
import { NaViT, type NaViTOptions, unpackFeatures } from './navit.ts';
import { blockMask, packImages, packLengths } from './packing.ts';

const seed = Number(process.env.TESSERA_SEED ?? Math.floor(Math.random() * 2 ** 31));

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('wasm');
  manualSeed(9);
});

const normal = (...shape: number[]): Tensor => init.normal()(shape);
const largest = async (a: Tensor, b: Tensor): Promise<number> => a.sub(b).abs().max().item();

describe('nativeGrid', () => {
  const options = { patchSize: 14, maxTokens: 1024 };

  /** A mistaken version: sizes are rounded only where the limit is passed, and then down, to nothing if need be. */
  const mistaken = (width: number, height: number): { width: number; height: number } => {
    const [across, down] = [Math.floor(width / 14), Math.floor(height / 14)];
    if (across * down <= 1024) return { width, height };
    const scale = Math.sqrt(1024 / (across * down));
    return { width: Math.trunc(across * scale) * 14, height: Math.trunc(down * scale) * 14 };
  };
  const valid = ({ width, height }: { width: number; height: number }): boolean =>
    width > 0 && height > 0 && width % 14 === 0 && height % 14 === 0 && (width / 14) * (height / 14) <= 1024;
  const ours = (width: number, height: number): { width: number; height: number } => {
    const [rows, columns] = nativeGrid(width, height, options);
    return { width: columns * 14, height: rows * 14 };
  };

  test('1400 x 700 with patches of 14 and 1024 tokens: 630 x 308, 990 tokens', () => {
    expect(ours(1400, 700)).toEqual({ width: 630, height: 308 });
    const [rows, columns] = nativeGrid(1400, 700, options);
    expect(rows * columns).toBe(990);
  });

  test('small images are rounded to patches, long ones keep a row; the mistaken version does neither', () => {
    expect(ours(100, 100)).toEqual({ width: 98, height: 98 });
    expect(ours(10, 20)).toEqual({ width: 14, height: 14 });
    expect(ours(70000, 14)).toEqual({ width: 1024 * 14, height: 14 });
    for (const [width, height] of [
      [100, 100],
      [10, 20],
      [70000, 14],
    ] as const) {
      expect(valid(ours(width, height))).toBe(true);
      expect(valid(mistaken(width, height))).toBe(false);
    }
    expect(mistaken(70000, 14).height).toBe(0);
  });

  test(`any size has valid patches of nearly the same ratio (seed ${seed})`, () => {
    const side = fc.integer({ min: 1, max: 100_000 });
    fc.assert(
      fc.property(
        side,
        side,
        fc.integer({ min: 1, max: 64 }),
        fc.integer({ min: 1, max: 4096 }),
        (width, height, patchSize, maxTokens) => {
          const [rows, columns] = nativeGrid(width, height, { patchSize, maxTokens });
          expect(Number.isInteger(rows) && Number.isInteger(columns)).toBe(true);
          expect(Math.min(rows, columns)).toBeGreaterThanOrEqual(1);
          expect(rows * columns).toBeLessThanOrEqual(maxTokens);
          // Turned by a quarter, the image gets the same grid turned.
          expect(nativeGrid(height, width, { patchSize, maxTokens })).toEqual([columns, rows]);
          // Rounding moves a side by less than a patch, so the ratio changes little where both have several.
          if (Math.min(rows, columns) > 1) {
            const change = ((columns / rows) * height) / width;
            expect(change).toBeLessThan((columns + 1) / columns / ((rows - 0.5) / rows) + 0.5);
            expect(1 / change).toBeLessThan((rows + 1) / rows / ((columns - 0.5) / columns) + 0.5);
          }
        },
      ),
      { seed },
    );
  });

  test('a strip of 70000 x 14 pixels becomes a row of 1024 patches', async () => {
    const { image, grid } = resizeToPatches(init.constant(0.5)([1, 14, 70000]), options);
    expect([image.shape, grid]).toEqual([
      [1, 14, 1024 * 14],
      [1, 1024],
    ]);
    expect(await image.sub(0.5).abs().max().item()).toBeLessThan(1e-5);
  });

  test(`any image becomes whole patches (seed ${seed})`, async () => {
    const side = fc.integer({ min: 1, max: 40 });
    await fc.assert(
      fc.asyncProperty(side, side, async (height, width) => {
        const { image, grid } = resizeToPatches(normal(2, height, width), { patchSize: 4, maxTokens: 12 });
        expect(image.shape).toEqual([2, grid[0] * 4, grid[1] * 4]);
        expect((await image.data()).every(Number.isFinite)).toBe(true);
      }),
      { seed, numRuns: 15 },
    );
  });
});

describe('packing', () => {
  test(`every piece once, no sequence beyond its capacity (seed ${seed})`, () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 40 }), (lengths) => {
        const packing = packLengths(lengths, 30);
        expect(packing.flat().toSorted((a, b) => a - b)).toEqual(lengths.map((_, k) => k));
        for (const pieces of packing)
          expect(pieces.reduce((sum, k) => sum + at(lengths, k), 0)).toBeLessThanOrEqual(30);
        // First fit: two sequences that are at most half full would have been one.
        const fills = packing.map((pieces) => pieces.reduce((sum, k) => sum + at(lengths, k), 0));
        expect(fills.filter((fill) => fill <= 15).length).toBeLessThanOrEqual(1);
      }),
      { seed },
    );
    expect(() => packLengths([3, 9], 8)).toThrow('packLengths: piece 1 has 9 tokens, a sequence takes 8');
  });

  test('tokens know their image, row and column', async () => {
    const packed = packImages([normal(3, 8, 12), normal(3, 4, 4), normal(3, 12, 4)], {
      patchSize: 4,
      maxTokens: 6,
      sequenceLength: 8,
    });
    expect(packed.grids).toEqual([
      [2, 3],
      [1, 1],
      [3, 1],
    ]);
    expect(packed.packing).toEqual([[0, 1], [2]]);
    expect(packed.patches.shape).toEqual([2, 8, 48]);
    expect(await packed.image.toArray()).toEqual([
      [0, 0, 0, 0, 0, 0, 1, -1],
      [0, 0, 0, -1, -1, -1, -1, -1],
    ]);
    expect(await packed.row.toArray()).toEqual([
      [0, 0, 0, 1, 1, 1, 0, 0],
      [0, 1, 2, 0, 0, 0, 0, 0],
    ]);
    expect(await packed.column.toArray()).toEqual([
      [0, 1, 2, 0, 1, 2, 0, 0],
      [0, 0, 0, 0, 0, 0, 0, 0],
    ]);
    const mask = (await blockMask(packed.image).toArray()) as number[][][][];
    expect(mask[0]?.[0]?.map((row) => row.join(''))).toEqual([
      ...new Array(6).fill('11111100'),
      '00000010',
      '00000001',
    ]);
  });
});

describe('NaViT', () => {
  const tiny: NaViTOptions = { patchSize: 4, width: 16, depth: 2, heads: 2, maxGrid: 8, classes: 3 };
  const stir = (model: NaViT): NaViT => {
    for (const parameter of model.parameters())
      parameter.assign(parameter.add(init.normal({ std: 0.3 })(parameter.shape)));
    return model;
  };
  const pictures = (): Tensor[] => [normal(3, 8, 12), normal(3, 5, 4), normal(3, 30, 9), normal(3, 16, 16)];
  const pack = { maxTokens: 16, sequenceLength: 20 };

  test.each([
    ['factorized', 'attention'],
    ['factorized', 'mean'],
    ['rotary', 'attention'],
  ] as const)(
    '%s positions, pooled by %s: an image packed with others has the features that it has alone',
    async (positions, pool) => {
      const model = stir(new NaViT({ ...tiny, positions, pool }));
      const images = pictures();
      const together = model.pack(images, pack);
      expect(together.packing.length).toBeLessThan(images.length);
      const features = unpackFeatures(model.forward(together, 4), together);
      expect(features.shape).toEqual([4, 3]);
      const alone = images.map((image) => {
        const single = model.pack([image], { maxTokens: 16 });
        return unpackFeatures(model.forward(single, 1), single);
      });
      expect(await largest(features, concat(alone, 0))).toBeLessThan(2e-5);
      // Without the block mask images see each other: the check above would find it.
      const open = { ...together, image: together.image.mul(0) };
      const mixed = model.pool(model.encode(open), together.image, 4);
      expect(
        await largest(
          unpackFeatures(mixed, together),
          unpackFeatures(model.pool(model.encode(together), together.image, 4), together),
        ),
      ).toBeGreaterThan(1e-3);
    },
  );

  test('positions are row plus column', async () => {
    const model = stir(new NaViT({ ...tiny, depth: 0 }));
    const packed = model.pack([normal(3, 8, 12)], { maxTokens: 6 });
    const [row, column] = [model.row_embed?.select(0, 1), model.col_embed?.select(0, 2)];
    const token = model.patch_embed
      .forward(packed.patches)
      .select(1, 5)
      .add(row ?? Number.NaN)
      .add(column ?? Number.NaN);
    expect(await largest(model.encode(packed).select(1, 5), model.norm.forward(token))).toBeLessThan(1e-6);
  });

  test('more patches than positions are refused', () => {
    const model = new NaViT(tiny);
    expect(() => model.pack([normal(3, 4, 40)], { maxTokens: 16 })).toThrow(
      'image 0 has 1 x 10 patches; there are positions for 8',
    );
    expect(() => new NaViT({ ...tiny, positions: 'rotary' }).pack([normal(3, 4, 40)], { maxTokens: 16 })).not.toThrow();
    expect(() => model.pack([], { maxTokens: 16 })).toThrow('packImages: needs at least one image');
    expect(() => packImages([normal(3, 8, 8)], { patchSize: 4, maxTokens: 16, sequenceLength: 8 })).toThrow(
      'images of up to 16 tokens do not fit into sequences of 8',
    );
    const packed = model.pack([normal(3, 8, 8)], { maxTokens: 16 });
    expect(() => model.encode({ ...packed, patches: packed.patches.slice(2, 0, 40) })).toThrow('must be [S, T, 48]');
    expect(() => unpackFeatures(normal(1, 0, 4), packed)).toThrow('sequence 0 has 1 images, but there are 0 slots');
  });

  test('learns which of three ratios an image has, from packed noise', async () => {
    const model = new NaViT(tiny);
    const sizes = [
      [8, 24],
      [24, 8],
      [12, 12],
    ] as const;
    const labels = Array.from({ length: 18 }, (_, k) => k % 3);
    const images = labels.map((label) => normal(3, ...at(sizes, label)));
    const packed = model.pack(images, { maxTokens: 12, sequenceLength: 36 });
    const order = tensor(Int32Array.from(labels));
    const inputs = [packed.patches.contiguous(), packed.image, packed.row, packed.column, order];
    const slots = Math.max(...packed.packing.map((pieces) => pieces.length));
    const logits = (patches: Tensor, image: Tensor, row: Tensor, column: Tensor): Tensor =>
      unpackFeatures(model.forward({ patches, image, row, column }, slots), packed);
    const losses = await fit(model, (p, i, r, c, y) => crossEntropy(logits(p, i, r, c), y), inputs, { steps: 80 });
    expect(losses[0]).toBeGreaterThan(0.9);
    expect(losses.at(-1)).toBeLessThan(0.1);
    expect(formatShape(logits(packed.patches, packed.image, packed.row, packed.column).shape)).toBe('[18, 3]');
  });
});
