/** Swin: windows, shifts, shapes, and training. */
import { gradcheck } from '@tessera/autograd';
import { crossEntropy, init } from '@tessera/nn';
import { arange, manualSeed, ones, registerReferenceBackends, setDefaultBackend, type Tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { fit } from '../testing/fit.ts';
import { at } from '../testing/lists.ts';
import { PatchMerging, Swin, SwinBlock, type SwinOptions, type SwinPresetName, swinPresets } from './swin.ts';
import { relativePositionIndex, roll, shiftMask, windowPartition, windowReverse } from './windows.ts';

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('reference');
  manualSeed(31);
});

const normal = (...shape: number[]): Tensor => init.normal()(shape);
const largest = async (a: Tensor, b: Tensor): Promise<number> => a.sub(b).abs().max().item();
const tiny: SwinOptions = {
  imageSize: 32,
  patchSize: 4,
  width: 8,
  depths: [2, 2],
  heads: [2, 4],
  window: 4,
  classes: 3,
};

describe('windows', () => {
  test('partition keeps neighbors together, and reverse is its inverse', async () => {
    const map = arange(2 * 4 * 6).reshape(2, 4, 6, 1);
    const windows = windowPartition(map, [2, 3]);
    expect(windows.shape).toEqual([8, 6, 1]);
    expect(await windows.select(0, 1).flatten().toArray()).toEqual([3, 4, 5, 9, 10, 11]);
    expect(await windowReverse(windows, [2, 3], [4, 6]).toArray()).toEqual(await map.toArray());
    expect(() => windowPartition(map, [3, 3])).toThrow(
      '[2, 4, 6, 1] is not a map [N, H, W, C] that divides into windows',
    );
  });

  test('roll', async () => {
    expect(await roll(arange(5), 2, 0).toArray()).toEqual([3, 4, 0, 1, 2]);
    expect(await roll(arange(5), -2, 0).toArray()).toEqual([2, 3, 4, 0, 1]);
    expect(await roll(arange(5), 5, 0).toArray()).toEqual([0, 1, 2, 3, 4]);
  });

  test('in a shifted window, tokens see each other if they were neighbors', async () => {
    const [size, window, shift] = [[8, 6] as const, [4, 3] as const, [2, 1] as const];
    const mask = (await shiftMask(size, window, shift)?.toArray()) as number[][][][];
    expect(mask).toHaveLength(4);
    // A token's place before rolling. Two tokens see each other if both are in the same piece of the shifted tiling.
    const piece = (place: number, side: number, by: number, length: number): number =>
      Math.floor((((place + by) % length) - by + side * 10) / side);
    for (const [index, [rows = []]] of mask.entries()) {
      const [top, left] = [Math.floor(index / 2) * 4, (index % 2) * 3];
      const pieceOf = (k: number): string => {
        const [y, x] = [top + Math.floor(k / 3), left + (k % 3)];
        return `${piece(y, 4, 2, 8)},${piece(x, 3, 1, 6)}`;
      };
      for (const [a, row] of rows.entries())
        for (const [b, seen] of row.entries())
          expect(seen === 1, `window ${index}, ${a} to ${b}`).toBe(pieceOf(a) === pieceOf(b));
    }
    expect(shiftMask(size, window, [0, 0])).toBeNull();
  });

  test('offsets of equal distance share a bias', () => {
    const index = relativePositionIndex([2, 3]);
    const row = (query: number, key: number): number => at(index, query * 6 + key);
    expect(new Set(index).size).toBe(3 * 5);
    expect(row(0, 1)).toBe(row(4, 5));
    expect(row(0, 4)).toBe(row(1, 5));
    expect(row(0, 1)).not.toBe(row(1, 0));
    expect([0, 1, 2, 3, 4, 5].map((k) => row(k, k))).toEqual(new Array(6).fill(7));
  });
});

describe('Swin', () => {
  test.each<[SwinPresetName, number]>([
    ['Swin-T', 28_288_354],
    ['Swin-S', 49_606_258],
    ['Swin-B', 87_768_224],
  ])('%s has %i parameters', (name, count) => {
    expect(init.skipInit(() => new Swin(swinPresets[name])).parameterCount()).toBe(count);
  });

  test('maps halve and widths double', () => {
    const model = init.skipInit(() => new Swin(swinPresets['Swin-T']));
    expect(model.features(ones([1, 3, 224, 224])).map(({ shape }) => shape)).toEqual([
      [1, 56, 56, 96],
      [1, 28, 28, 192],
      [1, 14, 14, 384],
      [1, 7, 7, 768],
    ]);
    // The last stage is one window: nothing is shifted there.
    expect(model.layers.map(({ blocks }) => blocks[1]?.shift)).toEqual([
      [3, 3],
      [3, 3],
      [3, 3],
      [0, 0],
    ]);
    const names = [...model.stateDict().keys()];
    for (const name of [
      'patch_embed.proj.weight',
      'patch_embed.norm.bias',
      'layers.0.blocks.1.attn.relative_position_bias_table',
      'layers.2.blocks.5.mlp.fc2.bias',
      'layers.1.downsample.norm.weight',
      'layers.3.downsample.reduction.weight',
      'norm.weight',
      'head.fc.bias',
    ])
      expect(names).toContain(name);
    expect(names).not.toContain('layers.0.downsample.reduction.weight');
  });

  test('a token sees its own window, and in a shifted block the shifted one', async () => {
    const options = { mlpRatio: 2, dropPath: 0 };
    const x = normal(1, 8, 8, 4);
    const touched = x.add(arange(256).eq(0).cast('f32').reshape(1, 8, 8, 4).mul(3)); // a number of the top left token
    const seenBy = async (shift: number): Promise<string[]> => {
      const block = new SwinBlock(4, 2, [4, 4], [shift, shift], options);
      for (const { weight } of [block.attn.qkv, block.attn.proj]) weight.initialize(init.normal());
      const change = (await block.forward(x).sub(block.forward(touched)).abs().max(3).toArray()) as number[][][];
      return at(change, 0).flatMap((row, y) => row.flatMap((value, z) => (value > 1e-6 ? [`${y},${z}`] : [])));
    };
    const square = (side: number): string[] =>
      Array.from({ length: side * side }, (_, k) => `${Math.floor(k / side)},${k % side}`);
    expect(await seenBy(0)).toEqual(square(4));
    // Shifted by 2, the corner's own piece is 2 x 2. Without the mask it would see three other corners, too.
    expect(await seenBy(2)).toEqual(square(2));
  });

  test('images of other sizes, whose maps do not divide into windows', () => {
    const model = new Swin(tiny);
    expect(model.forward(normal(2, 3, 32, 32)).shape).toEqual([2, 3]);
    expect(model.forward(normal(1, 3, 20, 44)).shape).toEqual([1, 3]);
    expect(model.features(normal(1, 3, 20, 44)).map(({ shape }) => shape)).toEqual([
      [1, 5, 11, 8],
      [1, 3, 6, 16],
    ]);
    expect(() => model.forward(normal(1, 3, 30, 32))).toThrow('an image of 30 x 32 does not divide into patches');
  });

  test('merging takes four neighbors: down first, then across', async () => {
    const merging = new PatchMerging(1);
    merging.norm.forward = (x) => x;
    merging.reduction.forward = (x) => x;
    const merged = merging.forward(arange(16).cast('f32').reshape(1, 4, 4, 1));
    expect(await merged.select(1, 0).select(1, 0).flatten().toArray()).toEqual([0, 4, 1, 5]);
  });

  test('derivative of a shifted, padded block', async () => {
    const block = new SwinBlock(4, 2, [2, 2], [1, 1], { mlpRatio: 2, dropPath: 0 }).to('f64');
    await gradcheck((x) => block.forward(x), [normal(1, 3, 5, 4).cast('f64')]);
  });

  test('a short training tells where the bright corner is', async () => {
    setDefaultBackend('wasm');
    const model = new Swin({ ...tiny, dropPath: 0 });
    const labels = arange(12).remainder(3).cast('i32').contiguous();
    const corner = (label: Tensor): Tensor => label.reshape(12, 1, 1, 1);
    const [y, x] = [arange(32).reshape(1, 1, 32, 1), arange(32).reshape(1, 1, 1, 32)];
    const bright = y
      .lt(8)
      .eq(corner(labels).lt(1))
      .logicalAnd(x.lt(8).eq(corner(labels).lt(2)));
    const images = bright
      .cast('f32')
      .expand(12, 3, 32, 32)
      .add(normal(12, 3, 32, 32).mul(0.2))
      .contiguous();
    const losses = await fit(
      model,
      (pictures, classes) => crossEntropy(model.forward(pictures), classes),
      [images, labels],
      { steps: 60 },
    );
    expect(losses[0]).toBeGreaterThan(0.9);
    expect(losses.at(-1)).toBeLessThan(0.1);
    expect(await largest(model.eval().forward(images).argmax(1).cast('f32'), labels.cast('f32'))).toBe(0);
  });
});
