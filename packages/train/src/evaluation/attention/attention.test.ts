/** Attention maps: drawing, reading them from towers, and the choice of what a sheet shows. */
import type { Pixels } from '@tessera/data';
import { CLIP, createImageTower } from '@tessera/models';
import { functional as F, init } from '@tessera/nn';
import { manualSeed, type Tensor, tensor } from '@tessera/tensor';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { useTestBackend } from '../../testing/backend.ts';
import { colorOf } from './color-map.ts';
import { attentionSections } from './describe.ts';
import { attentionOfImage, attentiveTower } from './look.ts';
import { enlarge, meanMap, overlay, type PatchMap } from './overlay.ts';
import { drawSheet } from './sheet.ts';

beforeAll(() => {
  useTestBackend();
  manualSeed(3);
});

const map = (rows: number, columns: number, ...values: number[]): PatchMap => ({
  rows,
  columns,
  values: Float32Array.from(values),
});
const total = ({ values }: PatchMap): number => values.reduce((sum, value) => sum + value, 0);
const white = (side: number): Pixels => ({
  data: new Uint8Array(side * side * 3).fill(255),
  width: side,
  height: side,
});
const seen = white(8);
const luminance = ([red = 0, green = 0, blue = 0]: Iterable<number>): number =>
  0.299 * red + 0.587 * green + 0.114 * blue;

describe('drawing', () => {
  it('colors become steadily lighter', () => {
    const shades = Array.from({ length: 101 }, (_, k) => luminance(colorOf(k / 100)));
    expect(new Set(shades).size).toBe(101);
    expect(shades).toEqual([...shades].sort((a, b) => a - b));
    expect([colorOf(-1), colorOf(2)]).toEqual([colorOf(0), colorOf(1)]);
  });

  it('maps are enlarged as PyTorch enlarges images', async () => {
    const values = init.normal()([1, 1, 3, 4]).contiguous();
    const own = enlarge({ rows: 3, columns: 4, values: (await values.data()) as Float32Array }, 10, 13);
    const expected = await F.interpolate(values, [10, 13], { mode: 'bilinear' }).data();
    for (const [k, value] of own.entries()) expect(value).toBeCloseTo(expected[k] as number, 5);
  });

  it('the patch with most attention is the brightest place, and the others stay visible', () => {
    const { data } = overlay(white(16), map(2, 2, 0.1, 0.1, 0.7, 0.1));
    const pixel = (x: number, y: number): Uint8Array => data.subarray((y * 16 + x) * 3, (y * 16 + x) * 3 + 3);
    expect(luminance(pixel(2, 13))).toBeGreaterThan(200);
    expect(luminance(pixel(13, 2))).toBeLessThan(110);
    expect(luminance(pixel(13, 2))).toBeGreaterThan(60);
    // A patch that differs from the mean by a tenth of it is much less bright.
    const even = overlay(white(16), map(2, 2, 0.24, 0.25, 0.26, 0.25)).data;
    expect(Math.max(...Array.from({ length: 256 }, (_, k) => luminance(even.subarray(3 * k, 3 * k + 3))))).toBeLessThan(
      120,
    );
    // A flat map has no brightest place.
    const flat = overlay(white(4), map(2, 2, 0.25, 0.25, 0.25, 0.25)).data;
    expect(new Set(flat.filter((_, k) => k % 3 === 0)).size).toBe(1);
  });

  it('a sheet has each panel at its place, and escapes its texts', async () => {
    const mapPanel = { label: 'map', note: 'note', map: map(1, 2, 0, 1) };
    const panels = [{ label: '<image> & "more"' }, mapPanel];
    const png = await drawSheet({
      title: 'a <b>',
      subtitle: 'model',
      image: white(64),
      sections: [
        { title: 'first', panels },
        { title: 'second', panels: Array.from({ length: 7 }, () => mapPanel) },
      ],
    });
    const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const at = (x: number, y: number): number => luminance(data.subarray((y * info.width + x) * 3));
    // First panel: white; the second is dark on the left and bright on the right.
    const y = 28 + 72 + 30 + 32;
    expect(at(28 + 32, y)).toBe(255);
    expect(at(28 + 80 + 4, y)).toBeLessThan(110);
    expect(at(28 + 80 + 60, y)).toBeGreaterThan(220);
    // Seven panels take two rows of six.
    const second = y + 64 + 40 + 14 + 30;
    expect(at(28 + 5 * 80 + 4, second)).toBeLessThan(110);
    expect(at(28 + 4, second + 104)).toBeLessThan(110);
    expect(at(28 + 80 + 4, second + 104)).toBe(255);
  });
});

it('what the model sees is shown with its own pixels, not with those of the file', async () => {
  // A chessboard of 2 x 2 pixels, next to the white image of 64 x 64.
  const coarse: Pixels = {
    data: Uint8Array.from([0, 0, 0, 255, 255, 255, 255, 255, 255, 0, 0, 0]),
    width: 2,
    height: 2,
  };
  const png = await drawSheet({
    ...{ title: 'a', subtitle: 'b', image: white(64) },
    sections: [{ title: 'first', panels: [{ label: 'image' }, { label: 'seen', image: coarse }] }],
  });
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number): number => luminance(data.subarray(((28 + 72 + 30 + y) * info.width + 28 + x) * 3));
  expect([at(5, 5), at(60, 60)]).toEqual([255, 255]);
  const quarters = [5, 27, 36, 59].flatMap((y) => [5, 27, 36, 59].map((x) => at(80 + x, y)));
  expect(quarters).toEqual([0, 0, 255, 255, 0, 0, 255, 255, 255, 255, 0, 0, 255, 255, 0, 0]);
});

const vision = { kind: 'vit', imageSize: 16, patchSize: 4, width: 16, layers: 3, heads: 2 } as const;
const pixels = Uint8Array.from({ length: 16 * 16 * 3 }, (_, k) => (k * 37) % 251);

describe('attention of an image', () => {
  it('is read for each layer and head, through all layers, and for texts', async () => {
    const model = new CLIP({
      embedDim: 8,
      vision,
      text: { contextLength: 6, vocabularySize: 20, width: 8, layers: 1, heads: 1 },
    });
    const tokens = tensor(Int32Array.of(18, 3, 4, 19, 0, 0, 18, 5, 6, 7, 19, 0), { shape: [2, 6] });
    const texts = model.encodeText(tokens);
    const {
      layers,
      rollout,
      readout,
      texts: found,
    } = await attentionOfImage(attentiveTower(model.visual), pixels, texts);
    expect(readout).toBe('class token');
    expect(layers.map((heads) => heads.length)).toEqual([2, 2, 2]);
    for (const one of [...layers.flat(), rollout as PatchMap]) {
      expect(one.values).toHaveLength(16);
      expect(total(one)).toBeGreaterThan(0);
      expect(total(one)).toBeLessThan(1);
    }
    expect(found).toHaveLength(2);
    for (const { similarity, map: relevance } of found) {
      expect(Math.abs(similarity)).toBeLessThanOrEqual(1);
      expect(Math.min(...relevance.values)).toBeGreaterThanOrEqual(0);
      expect(total(relevance)).toBeGreaterThan(0);
    }
    const [first, second] = found.map(({ map: relevance }) => [...relevance.values]);
    expect(first).not.toEqual(second);
    // The map of a text does not depend on the other texts.
    const [alone] = (await attentionOfImage(attentiveTower(model.visual), pixels, texts.slice(0, 1, 2))).texts;
    expect([...(alone?.map.values ?? [])]).toEqual(second?.map((value) => expect.closeTo(value, 5)));
  });

  it('is the mean over the patches if features are their mean, and that of the query if they come from a pool', async () => {
    const plain = createImageTower({ ...vision, kind: 'plain-vit', readout: 'mean' }, 8);
    const looked = await attentionOfImage(attentiveTower(plain), pixels);
    expect(looked.readout).toBe('patches');
    // All attention goes to patches, because there is no class token.
    for (const one of looked.layers.flat()) expect(total(one)).toBeCloseTo(1, 5);
    const resnet = createImageTower({ kind: 'resnet', imageSize: 64, width: 4, layers: [1, 1, 1, 1], heads: 2 }, 8);
    const large = Uint8Array.from({ length: 64 * 64 * 3 }, (_, k) => (k * 37) % 251);
    const features: Tensor = init.normal()([1, 8]);
    const pool = await attentionOfImage(attentiveTower(resnet), large, features);
    expect([pool.readout, pool.rollout, pool.layers.map((heads) => heads.length)]).toEqual([
      'pooling query',
      null,
      [2],
    ]);
    expect(pool.texts.map(({ map: relevance }) => total(relevance) > 0)).toEqual([true]);
    const whole = { layers: [0], head: 'all', texts: [] } as const;
    expect(() => attentionSections(pool, { ...whole, rollout: true }, seen)).toThrow('a rollout needs several layers');
    const [, layer] = attentionSections(pool, { ...whole, rollout: false }, seen);
    expect(layer?.title).toBe('Layer 0: what the pooling query attends to');
    expect(layer?.panels.map(({ label }) => label)).toEqual(['mean of heads', 'head 0', 'head 1']);
  });

  it('is refused for towers without global attention', () => {
    const swin = createImageTower({ kind: 'swin', imageSize: 16, patchSize: 2, width: 32, layers: [1], window: 4 }, 8);
    expect(() => attentiveTower(swin)).toThrow(
      'Swin has no attention over the whole image; attention maps need a VisionTransformer',
    );
  });
});

describe('what is shown', () => {
  const rollout = map(1, 2, 0.25, 0.25);
  const heads = [rollout, map(1, 2, 0.75, 0)];
  const attention = { readout: 'class token', layers: [heads, heads], rollout, texts: [] } as const;
  const chosen = { layers: [-1], head: 'all', rollout: true, texts: [] } as const;

  it('follows the choice', () => {
    const [whole, layer] = attentionSections(attention, chosen, seen);
    expect(whole?.panels.map(({ label }) => label)).toEqual(['image', 'what the model sees', 'rollout']);
    expect(whole?.panels[1]).toEqual({ label: 'what the model sees', note: '8 × 8 pixels', image: seen });
    expect(layer?.title).toBe('Layer 1 of 0 to 1: what the class token attends to');
    expect(layer?.panels[0]).toEqual({
      label: 'mean of heads',
      note: '62.5\u202f% on patches, peak 1.6×',
      map: meanMap(heads),
    });
    expect(attentionSections(attention, { ...chosen, layers: [0, 1, -1], head: 1 }, seen)).toMatchObject([
      {},
      { title: 'Layer 0 of 0 to 1: what the class token attends to', panels: [{ label: 'head 1' }] },
      { panels: [{ label: 'head 1', note: '75.0\u202f% on patches, peak 2.0×' }] },
    ]);
  });

  it('names the layer or head that does not exist', () => {
    const show = (choice: object) => () => attentionSections(attention, { ...chosen, ...choice }, seen);
    expect(show({ layers: [2] })).toThrow('layer 2 does not exist: the model has layers 0 to 1');
    expect(show({ layers: [-3] })).toThrow('layer -3 does not exist');
    expect(show({ head: 2 })).toThrow('head 2 does not exist: layer 1 has heads 0 to 1');
  });
});
