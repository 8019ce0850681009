/** The table of image towers: settings, defaults and building. */
import { registerReferenceBackends, setDefaultBackend } from '@tessera/tensor';
import { beforeAll, describe, expect, expectTypeOf, test } from 'vitest';
import {
  createImageTower,
  type ImageTowerConfig,
  type ImageTowerKind,
  imageTowers,
  type PlainViTConfig,
} from './image-towers.ts';
import { withDefaults } from './tower/settings.ts';

beforeAll(() => {
  registerReferenceBackends();
  setDefaultBackend('reference');
});

const small = {
  vit: { kind: 'vit', imageSize: 16, patchSize: 8, width: 64, layers: 1 },
  resnet: { kind: 'resnet', imageSize: 32, width: 2, layers: [1, 1, 1, 1] },
  'plain-vit': { kind: 'plain-vit', imageSize: 16, patchSize: 8, width: 64, layers: 1 },
  swin: { kind: 'swin', imageSize: 16, patchSize: 4, width: 32, layers: [1, 1] },
  'plain-resnet': { kind: 'plain-resnet', imageSize: 32, width: 2, layers: [1, 1, 1, 1] },
} as const satisfies { readonly [Kind in ImageTowerKind]: Extract<ImageTowerConfig, { kind: Kind }> };

test.each(Object.values(small))('$kind is built with the given side and number of features', (config) => {
  expect(createImageTower(config, 6)).toMatchObject({ inputResolution: config.imageSize, outputDim: 6 });
});

describe.each(Object.entries(imageTowers))('%s', (_, { name, description, settings }) => {
  test('describes itself and every setting', () => {
    for (const text of [name, description, ...Object.values(settings).map((setting) => setting.description)])
      expect(text.length).toBeGreaterThan(2);
  });

  test('no setting has a default and is optional without one', () => {
    for (const setting of Object.values(settings)) expect('default' in setting && 'optional' in setting).toBe(false);
  });
});

test('defaults are filled in where nothing is given', () => {
  const { kind: _, ...given } = small['plain-vit'];
  expect(withDefaults(imageTowers['plain-vit'].settings, { ...given, readout: 'mean' })).toEqual({
    ...given,
    norm: 'pre',
    readout: 'mean',
    positions: 'learned',
    dropPath: 0,
  });
});

test('an unknown kind is refused with the known ones', () => {
  const unknown = { ...small.vit, kind: 'vitt' } as unknown as ImageTowerConfig;
  expect(() => createImageTower(unknown, 4)).toThrow(
    "image tower 'vitt' is not known; the kinds are vit, resnet, plain-vit, swin, plain-resnet",
  );
});

test('the types of configurations follow from the settings', () => {
  expectTypeOf<PlainViTConfig['kind']>().toEqualTypeOf<'plain-vit'>();
  expectTypeOf<PlainViTConfig['width']>().toEqualTypeOf<number>();
  expectTypeOf<PlainViTConfig['norm']>().toEqualTypeOf<'pre' | 'post' | undefined>();
  expectTypeOf(small.resnet.layers).toExtend<readonly [number, number, number, number]>();
});
