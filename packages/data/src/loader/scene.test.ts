// Boxes and masks: Hugging Face's layouts, masks as Pillow reads them (data-files/make-objects.py), and both follow their picture.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { feature } from '../arrow/features.ts';
import { writeDataset } from '../arrow/writer.ts';
import type { Augmentation } from '../augment/index.ts';
import { openDataset } from '../dataset/dataset.ts';
import { decodeMask } from '../image/mask.ts';
import { type ColumnRequests, usualColumns } from './columns.ts';
import { DataLoader } from './loader.ts';

const files = path.join(import.meta.dirname, '../../data-files/objects');
const { image, objects, mask } = usualColumns;

let root: string;
beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'tessera-scene-'));
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

test.each(['sequence', 'old-sequence', 'list-of-structs'])('objects that datasets wrote: %s', async (name) => {
  using dataset = await openDataset(path.join(files, `${name}.arrow`));
  const columns = { image, objects };
  const loader = new DataLoader(dataset.split('train'), {
    columns,
    batchSize: 3,
    imageSize: 4,
    workers: 0,
    fit: 'whole',
  });
  for await (const { columns: batch } of loader.epoch(0)) {
    const [two, none, one] = batch.objects;
    // Boxes in shares of a picture of 8 x 6 pixels.
    expect([...(two?.boxes ?? [])]).toEqual([1.5 / 8, 2 / 6, 3.25 / 8, 6 / 6 - 2 / 6, 0, 0, 1, 1]);
    expect(two).toMatchObject({ labels: Int32Array.of(2, 0), crowd: Uint8Array.of(0, 1), width: 8, height: 6 });
    expect([...(two?.areas ?? [])]).toEqual([13, 48]);
    expect(none?.labels.length).toBe(0);
    expect([...(one?.labels ?? [])]).toEqual([1]);
  }
  await loader.close();
});

test('objects are written so that both layouts are read again', async () => {
  const member = {
    bbox: feature.list(feature.value('float32')),
    category: feature.classLabel(['a', 'b']),
    difficult: feature.value('bool'),
  };
  const lists = Object.fromEntries(Object.entries(member).map(([name, f]) => [name, feature.list(f)]));
  const at = path.join(root, 'written');
  const rows = [
    { lists: { bbox: [[1, 2, 3, 4]], category: ['b'], difficult: [true] }, structs: [] },
    { lists: { bbox: [], category: [], difficult: [] }, structs: [{ bbox: [0, 0, 1, 1], category: 0 }] },
  ];
  await writeDataset(
    at,
    { features: { lists: feature.struct(lists), structs: feature.list(feature.struct(member)) } },
    { train: rows },
  );
  using dataset = await openDataset(at);
  const train = dataset.split('train');
  expect(train.features.lists).toEqual(feature.struct(lists));
  expect(await train.rows([0, 1])).toEqual([
    { lists: { bbox: [[1, 2, 3, 4]], category: [1], difficult: [true] }, structs: [] },
    {
      lists: { bbox: [], category: [], difficult: [] },
      structs: [{ bbox: [0, 0, 1, 1], category: 0, difficult: null }],
    },
  ]);
});

describe('masks', () => {
  const expected: Record<string, number[][]> = JSON.parse(fs.readFileSync(path.join(files, 'masks.json'), 'utf8'));

  test.each(Object.entries(expected))('%s has the class numbers that Pillow reads', async (name, rows) => {
    const { data, width, height } = await decodeMask(fs.readFileSync(path.join(files, name)));
    expect({ width, height }).toEqual({ width: rows[0]?.length, height: rows.length });
    expect([...data]).toEqual(rows.flat());
  });

  test('what has no class numbers is refused', async () => {
    const color = sharp({ create: { width: 2, height: 2, channels: 3, background: 'red' } });
    await expect(decodeMask(await color.png().toBuffer())).rejects.toThrow('3 different channels');
    const deep = await sharp({ create: { width: 2, height: 2, channels: 3, background: 'red' } })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    await expect(decodeMask(deep)).rejects.toThrow('16 bits');
    await expect(decodeMask(fs.readFileSync(path.join(files, 'gray.png')).subarray(0, 60))).rejects.toThrow();
    await expect(decodeMask(await color.jpeg().toBuffer())).rejects.toThrow('3 different channels');
  });
});

describe('a rectangle', () => {
  const [width, height] = [60, 40];
  const box = [12, 9, 20, 14] as const;

  /** Pictures with a red rectangle, its box and its mask. */
  async function writeRectangles(name: string, rows: number): Promise<string> {
    const at = path.join(root, name);
    const [x, y, w, h] = box;
    const drawing = `<rect x="${x}" y="${y}" width="${w}" height="${h}"`;
    const svg = (fill: string, back: string): Buffer =>
      Buffer.from(
        `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%" fill="${back}"/>${drawing} fill="${fill}"/></svg>`,
      );
    const bytes = await sharp(svg('#f00', '#000')).png().toBuffer();
    const own = await sharp(svg('#020202', '#000'))
      .removeAlpha()
      .toColourspace('b-w')
      .png({ palette: false })
      .toBuffer();
    const row = { image: bytes, mask: own, objects: { bbox: [[...box]], category: [0] } };
    const features = {
      image: feature.image(),
      mask: feature.image(),
      objects: feature.struct({
        bbox: feature.list(feature.list(feature.value('float64'))),
        category: feature.list(feature.classLabel(['red'])),
      }),
    };
    await writeDataset(at, { features }, { train: Array.from({ length: rows }, () => row) });
    return at;
  }

  /** The smallest box around the pixels that meet a condition, in pixels. */
  function boundsOf(size: number, meets: (at: number) => boolean): number[] {
    const found = Array.from({ length: size * size }, (_, at) => at).filter(meets);
    const [xs, ys] = [found.map((at) => at % size), found.map((at) => Math.floor(at / size))];
    return [Math.min(...xs), Math.min(...ys), Math.max(...xs) + 1, Math.max(...ys) + 1];
  }

  const cases: [string, Augmentation | null, 'center' | 'whole'][] = [
    ['whole', null, 'whole'],
    ['center', null, 'center'],
    ['only resized', {}, 'whole'],
    ['mirrored', { flip: 1 }, 'whole'],
    ['cropped and mirrored', { crop: { scale: [0.7, 1], ratio: [0.8, 1.6] }, flip: 0.5 }, 'whole'],
    ['warped', { affine: { degrees: 0, translate: 0.1, scale: [0.8, 1.1] }, flip: 0.5 }, 'center'],
    ['rotated', { affine: { degrees: 25, translate: 0.05, scale: [0.8, 1], shear: 10 }, flip: 0.5 }, 'whole'],
  ];

  test.each(cases)('%s: box and mask are where the rectangle is', async (name, augment, fit) => {
    const size = 48;
    using dataset = await openDataset(await writeRectangles(name, 6));
    const loader = new DataLoader(dataset.split('train'), {
      ...{ columns: { image, objects, mask }, batchSize: 6, imageSize: size, workers: 0, augment, fit },
      shuffle: augment !== null,
    });
    let mirrored = 0;
    for await (const { columns } of loader.epoch(0))
      for (let k = 0; k < 6; k++) {
        const pixels = columns.image.subarray(k * size * size * 3, (k + 1) * size * size * 3);
        const own = columns.mask[k] ?? new Uint8Array();
        const { boxes } = columns.objects[k] ?? { boxes: new Float64Array() };
        const [x = 0, y = 0, w = 0, h = 0] = boxes;
        const expected = [x * size, y * size, (x + w) * size, (y + h) * size];
        // White is outside of the image.
        const isRed = (at: number): boolean => (pixels[3 * at] ?? 0) > 128 && (pixels[3 * at + 1] ?? 0) < 128;
        for (const found of [boundsOf(size, isRed), boundsOf(size, (at) => own[at] === 2)])
          for (const [side, value] of found.entries())
            expect(Math.abs(value - (expected[side] ?? 0))).toBeLessThan(1.6);
        const differing = [...own].filter((c, at) => (c === 2) !== isRed(at)).length;
        expect(differing).toBeLessThan(0.035 * size * size);
        if (x + w / 2 > 0.5) mirrored++;
      }
    await loader.close();
    if (name === 'mirrored') expect(mirrored).toBe(6);
  });

  test('in worker threads the same', async () => {
    using dataset = await openDataset(await writeRectangles('workers', 5));
    const collect = async (workers: number): Promise<unknown[]> => {
      const columns = { image, objects, mask };
      const augment = { crop: { scale: [0.3, 1], ratio: [0.8, 1.2] }, flip: 0.5 } satisfies Augmentation;
      const loader = new DataLoader(dataset.split('train'), {
        ...{ columns, batchSize: 5, imageSize: 16, workers, augment, fit: 'whole', seed: 3 },
      });
      const found: unknown[] = [];
      for await (const batch of loader.epoch(1)) found.push(batch.columns.objects, batch.columns.mask);
      await loader.close();
      return found;
    };
    expect(await collect(1)).toEqual(await collect(0));
  });

  test('boxes that cannot follow, or that are damaged, are refused', async () => {
    using dataset = await openDataset(await writeRectangles('refused', 1));
    const train = dataset.split('train');
    const options = { batchSize: 1, imageSize: 8, workers: 0 };
    const augment = { policy: { kind: 'trivialaugment' } } as const;
    expect(() => new DataLoader(train, { ...options, columns: { image, mask }, augment })).toThrow(
      'the augmentation policy trivialaugment moves pixels',
    );
    const at = path.join(root, 'broken');
    const bytes = await sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    const own = await sharp({ create: { width: 5, height: 4, channels: 3, background: 'black' } })
      .toColourspace('b-w')
      .png()
      .toBuffer();
    const features = { ...train.features };
    const rows = [
      { image: bytes, mask: own, objects: { bbox: [], category: [] } },
      { image: bytes, mask: null, objects: { bbox: [[1, 2, 3]], category: [0] } },
      { image: bytes, mask: null, objects: { bbox: [[1, 2, 3, 4]], category: [-1] } },
    ];
    await writeDataset(at, { features }, { train: rows });
    using broken = await openDataset(at);
    const reasons = async (columns: ColumnRequests): Promise<string[]> => {
      const loader = new DataLoader(broken.split('train'), { ...options, columns });
      for await (const _ of loader.epoch(0));
      await loader.close();
      return loader.stats.examples.map(({ reason }) => reason);
    };
    expect(await reasons({ image, mask })).toEqual([
      'the mask has 5 x 4 pixels, but the image 4 x 4',
      'there is no mask',
      'there is no mask',
    ]);
    // Without the image nothing is decoded.
    expect(await reasons({ mask })).toEqual(['there is no mask', 'there is no mask']);
    expect(await reasons({ objects })).toHaveLength(2);
    expect(await reasons({ image, objects })).toEqual([
      'object 0 has the box [1,2,3]; expected [x, y, width, height]',
      'object 0 has the class -1; there are 1',
    ]);
  });
});
