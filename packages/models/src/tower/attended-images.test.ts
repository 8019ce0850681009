/** Attention weights of image towers, and maps of where they attend. */
import { grad } from '@tessera/autograd';
import { functional as F, init } from '@tessera/nn';
import { manualSeed, registerReferenceBackends, setDefaultBackend, type Tensor } from '@tessera/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ImageTowerConfig } from '../image-towers.ts';
import { createImageTower } from '../image-towers.ts';
import { at } from '../testing/lists.ts';
import { type AttentiveTower, isAttentive, readoutMaps } from './attended-images.ts';

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('reference');
  manualSeed(17);
});

const vit = { imageSize: 16, patchSize: 4, width: 16, layers: 2, heads: 2 } as const;
const configs = {
  "CLIP's ViT": { kind: 'vit', ...vit },
  "CLIP's ResNet": { kind: 'resnet', imageSize: 64, width: 4, layers: [1, 1, 1, 1], heads: 4 },
  'plain ViT': { kind: 'plain-vit', ...vit },
  'plain ViT with rotary positions and the mean as readout': {
    kind: 'plain-vit',
    ...vit,
    readout: 'mean',
    positions: 'rotary',
  },
} as const satisfies Record<string, ImageTowerConfig>;

const towerOf = (name: keyof typeof configs): AttentiveTower => {
  const tower = createImageTower(configs[name], 8).eval() as AttentiveTower;
  expect(isAttentive(tower)).toBe(true);
  return tower;
};
const imagesFor = ({ inputResolution: side }: AttentiveTower): Tensor => init.normal()([2, 3, side, side]);
const largest = (a: Tensor, b: Tensor | number): Promise<number> => a.sub(b).abs().max().item();

describe.each(Object.keys(configs) as (keyof typeof configs)[])('%s', (name) => {
  test('attend returns the output of forward, and distributions over tokens', async () => {
    const tower = towerOf(name);
    const images = imagesFor(tower);
    const { output, weights, prefix, grid, readout } = tower.attend(images);
    expect(await largest(output, tower.forward(images))).toBe(0);
    const { kind, imageSize } = configs[name];
    const side = kind === 'resnet' ? imageSize / 32 : imageSize / vit.patchSize;
    expect(grid).toEqual([side, side]);
    expect(weights).toHaveLength(kind === 'resnet' ? 1 : vit.layers);
    for (const layer of weights) {
      const maps = readoutMaps(layer, { prefix, grid, readout });
      expect(maps.shape).toEqual([2, layer.shape[1], side, side]);
      expect(await largest(layer.sum(-1), 1)).toBeLessThan(1e-6);
      const front = layer
        .slice(-2, ...readout)
        .slice(-1, 0, prefix)
        .sum(-1)
        .mean(-1);
      expect(await largest(maps.sum([-2, -1]).add(front), 1)).toBeLessThan(1e-6);
    }
  });

  test('the output can be differentiated by the weights', async () => {
    const tower = towerOf(name);
    const { output, weights } = tower.attend(imagesFor(tower));
    for (const gradient of grad(output.sum(), [...weights]))
      expect(await gradient.abs().max().item()).toBeGreaterThan(0);
  });
});

test('a planted pattern is found: the patch that queries are made to look for', async () => {
  const tower = createImageTower({ ...configs["CLIP's ViT"], layers: 1, heads: 1 }, 8).eval();
  const state = tower.stateDict();
  const { width } = vit;
  const set = (parameter: string, value: Tensor): unknown => state.set(parameter, value);
  const row = (from: number): Tensor =>
    init
      .constant(0)([3 * width, width])
      .add(
        oneAt(3 * width, from)
          .reshape([3 * width, 1])
          .mul(30),
      );
  // The embedding tells a patch's brightness in its first number; all queries ask for the first number of the keys.
  const kernel = oneAt(width, 0).reshape([width, 1, 1, 1]).expand([width, 3, 4, 4]);
  set('conv1.weight', kernel.mul(1));
  for (const name of ['class_embedding', 'positional_embedding']) set(name, (state.get(name) as Tensor).mul(0));
  set('ln_pre.bias', oneAt(width, 1));
  set('transformer.resblocks.0.ln_1.bias', oneAt(width, 1));
  // Query's first number: 30 times the constant second one. Key's: 30 times the first.
  const weight = row(0)
    .mul(oneAt(width, 1))
    .add(row(width).mul(oneAt(width, 0)));
  set('transformer.resblocks.0.attn.in_proj_weight', weight);
  set('transformer.resblocks.0.attn.in_proj_bias', init.constant(0)([3 * width]));
  tower.loadStateDict(state);
  const planted = 6; // row 1, column 2
  const images = oneAt(16, planted).reshape([1, 1, 4, 1, 4, 1]).expand([1, 3, 4, 4, 4, 4]).reshape([1, 3, 16, 16]);
  const attended = (tower as AttentiveTower).attend(images);
  const map = readoutMaps(at(attended.weights, 0), attended);
  expect(await map.flatten().argmax(0).item()).toBe(planted);
  expect(await map.select(2, 1).select(2, 2).item()).toBeGreaterThan(0.99);
  const rollout = readoutMaps(F.attentionRollout(attended.weights), attended);
  expect(await rollout.flatten().argmax(0).item()).toBe(planted);
});

test('what does not fit is refused', () => {
  const swin = createImageTower({ kind: 'swin', imageSize: 16, patchSize: 2, width: 32, layers: [1], window: 4 }, 8);
  expect(isAttentive(swin)).toBe(false);
  const place = { prefix: 1, grid: [2, 2], readout: [0, 1] } as const;
  expect(() => readoutMaps(init.normal()([1, 1, 5, 4]), place)).toThrow('[1, 1, 5, 4] do not fit');
  expect(() => readoutMaps(init.normal()([1, 1, 1, 5]), { ...place, readout: [0, 2] })).toThrow('do not fit');
});

/** [size]: 1 at `index`, 0 elsewhere. */
const oneAt = (size: number, index: number): Tensor =>
  init
    .constant(0)([size])
    .add(
      init
        .constant(1)([1])
        .pad([[index, size - index - 1]]),
    );
