// COCO and Pascal VOC from made-up files in their layouts: boxes, masks, splits, archives, and all that is left out.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { decodeMask, encodePng, openDataset, type Row } from '@tessera/data';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { BuildOptions, BuildReport, DatasetBuilder } from '../builder.ts';
import { zipFolder } from '../testing/zip-folder.ts';
import { coco } from './coco.ts';
import { voc, vocSegmentation } from './voc.ts';

let root: string;
let jpeg: Buffer;
let turned: Buffer;
let number = 0;
let source: string;
let target: string;
beforeAll(async () => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'tessera-scenes-'));
  const picture = sharp({ create: { width: 16, height: 12, channels: 3, background: '#c04020' } });
  jpeg = await picture.clone().jpeg().toBuffer();
  turned = await picture.clone().withMetadata({ orientation: 6 }).jpeg().toBuffer();
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  source = path.join(root, `source-${++number}`);
  target = path.join(root, `built-${number}`);
});

function put(files: Record<string, string | Uint8Array>): void {
  for (const [name, content] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(source, name)), { recursive: true });
    fs.writeFileSync(path.join(source, name), content);
  }
}

type SceneRow = Row & { image: { bytes: Uint8Array; path: string }; mask: { bytes: Uint8Array } | null };

async function build(
  builder: DatasetBuilder,
  options: BuildOptions = {},
): Promise<{ report: BuildReport; rows: Record<string, SceneRow[]> }> {
  const report = await builder.build(target, { from: source, overwrite: true, ...options });
  using dataset = await openDataset(target);
  const rows: Record<string, SceneRow[]> = {};
  for (const [name, split] of Object.entries(dataset.splits))
    rows[name] = (await split.rows([...Array(split.length).keys()])) as SceneRow[];
  return { report, rows };
}

/** The rows of a mask as texts of digits; 255 is `#`. */
async function maskText(row: SceneRow | undefined): Promise<string[]> {
  const { data, width, height } = await decodeMask(row?.mask?.bytes ?? new Uint8Array());
  const text = [...data].map((value) => (value === 255 ? '#' : String(value))).join('');
  return Array.from({ length: height }, (_, y) => text.slice(y * width, (y + 1) * width));
}

const square = (x: number, y: number, w: number, h: number): number[][] => [[x, y, x + w, y, x + w, y + h, x, y + h]];

const categories = [
  { id: 18, name: 'dog', supercategory: 'animal' },
  { id: 1, name: 'person', supercategory: 'person' },
];

interface Annotation {
  image?: number;
  category?: number;
  bbox: number[];
  segmentation?: unknown;
  crowd?: number;
}

const instances = (images: Record<string, number>, annotations: Annotation[]): string =>
  JSON.stringify({
    info: { description: 'a "made-up" [file], {with} \\ signs' },
    images: Object.entries(images).map(([file_name, id]) => ({ file_name, id, width: 16, height: 12 })),
    annotations: annotations.map(({ image = 9, category = 1, bbox, segmentation, crowd = 0 }, k) => ({
      ...{ id: 100 + k, image_id: image, category_id: category, bbox, iscrowd: crowd, area: 5.5 },
      segmentation: segmentation ?? square(bbox[0] ?? 0, bbox[1] ?? 0, bbox[2] ?? 0, bbox[3] ?? 0),
    })),
    categories,
  });

describe('coco', () => {
  const good = [
    { bbox: [2, 3, 4, 5] },
    { bbox: [4, 5, 6, 4], category: 18 },
    { bbox: [10, 0, 3, 2], crowd: 1, segmentation: { size: [12, 16], counts: [120, 2, 10, 2, 10, 2, 46] } },
  ];
  const layout = (): Record<string, string | Uint8Array> => ({
    'annotations/instances_train2017.json': instances({ '000009.jpg': 9, '000025.jpg': 25 }, good),
    'annotations/instances_val2017.json': instances({ '000139.jpg': 139 }, []),
    'annotations/captions_train2017.json': JSON.stringify({
      images: [{ id: 9, file_name: '000009.jpg' }],
      annotations: [
        { image_id: 9, caption: ' A dog. ' },
        { image_id: 9, caption: 'Two.' },
      ],
    }),
    'train2017/000009.jpg': jpeg,
    'train2017/000025.jpg': jpeg,
    'val2017/000139.jpg': jpeg,
  });
  const expectedMask = [
    '0000000000111000',
    '0000000000111000',
    '0000000000000000',
    '0011110000000000',
    '0011110000000000',
    '0011##2222000000',
    '0011##2222000000',
    '0011##2222000000',
    '0000222222000000',
    ...Array(3).fill('0'.repeat(16)),
  ];

  test('a folder: boxes, crowds, masks and captions', async () => {
    put(layout());
    const { report, rows } = await build(coco, { strict: true });
    expect(report.leftOut).toEqual([]);
    expect(report.splits).toEqual({ train: 2, validation: 1 });
    const [first, second] = rows.train ?? [];
    expect(first).toMatchObject({
      image_id: 9,
      captions: ['A dog.', 'Two.'],
      objects: {
        id: [100, 101, 102],
        bbox: good.map(({ bbox }) => bbox),
        category: [0, 1, 0],
        area: [5.5, 5.5, 5.5],
        iscrowd: [false, false, true],
      },
    });
    expect(await maskText(first)).toEqual(expectedMask);
    expect(second).toMatchObject({ captions: [], objects: { bbox: [] } });
    using dataset = await openDataset(target);
    expect(dataset.split('train').features.objects).toMatchObject({
      members: { category: { feature: { type: 'class', names: ['person', 'dog'] } } },
    });
  });

  test('the archives as they were downloaded, and smaller images', async () => {
    const files = layout();
    for (const [archive, folder] of [
      ['annotations_trainval2017.zip', 'annotations'],
      ['train2017.zip', 'train2017'],
      ['val2017.zip', 'val2017'],
    ] as const) {
      put(
        Object.fromEntries(
          Object.entries(files).flatMap(([name, file]) =>
            name.startsWith(`${folder}/`) ? [[`packed/${name}`, file]] : [],
          ),
        ),
      );
      zipFolder(path.join(source, archive), path.join(source, 'packed'));
      fs.rmSync(path.join(source, 'packed'), { recursive: true });
    }
    const whole = await build(coco);
    expect(await maskText(whole.rows.train?.[0])).toEqual(expectedMask);
    const { rows } = await build(coco, { maxSize: 6 });
    const [first] = rows.train ?? [];
    expect(await sharp(first?.image.bytes).metadata()).toMatchObject({ width: 8, height: 6 });
    expect(first?.objects).toMatchObject({
      bbox: [
        [1, 1.5, 2, 2.5],
        [2, 2.5, 3, 2],
        [5, 0, 1.5, 1],
      ],
      area: [1.375, 1.375, 1.375],
    });
    expect(await maskText(first)).toEqual(
      expectedMask.filter((_, y) => y % 2 === 1).map((row) => [...row].filter((_, x) => x % 2 === 1).join('')),
    );
  });

  test('what is wrong is named, and refused with strict', async () => {
    put({
      ...layout(),
      'annotations/instances_train2017.json': instances({ '000009.jpg': 9, '000025.jpg': 25, 'gone.jpg': 26 }, [
        { bbox: [0, 0, 5, 5], image: 77 },
        { bbox: [0, 0, 5, 5], category: 99 },
        { bbox: [3, 3, 0, 5] },
        { bbox: [16, 3, 4, 5] },
        { bbox: [12, 3, 8, 5] },
        { bbox: [12, 3, 4.5, 5] },
        { bbox: [1, 2, 3] },
        { bbox: [0, 0, 2, 2], segmentation: [[1, 1]] },
        { bbox: [3, 0, 2, 2], segmentation: { size: [3, 3], counts: 'x' } },
      ]),
      'train2017/extra.jpg': jpeg,
    });
    const { report, rows } = await build(coco);
    const at = (id: number): string => `annotations/instances_train2017.json: annotation ${id}`;
    expect(report.leftOut).toEqual([
      { file: 'gone.jpg', reason: 'is listed, but missing' },
      { file: at(100), reason: 'belongs to no image' },
      { file: at(101), reason: 'has a category that is not listed' },
      { file: at(102), reason: 'has a box without area' },
      { file: at(103), reason: 'has a box outside of its image' },
      { file: at(104), reason: 'has a box that reaches beyond its image, and is clipped' },
      { file: at(106), reason: 'has no box of four numbers' },
      { file: 'train2017/extra.jpg', reason: 'is not listed' },
      {
        file: at(107),
        reason:
          'has a polygon of 2 numbers; expected x and y of three corners or more; its box does not count in the mask',
      },
      { file: at(108), reason: expect.stringContaining('has counts for 3 x 3 pixels (height x width)') },
    ]);
    expect(rows.train?.[0]?.objects).toMatchObject({
      bbox: [
        [12, 3, 4, 5],
        [12, 3, 4, 5],
        [0, 0, 2, 2],
        [3, 0, 2, 2],
      ],
    });
    expect((await maskText(rows.train?.[0])).slice(0, 3)).toEqual([
      '##0##00000000000',
      '##0##00000000000',
      '0'.repeat(16),
    ]);
    await expect(build(coco, { strict: true })).rejects.toThrow(
      /6 problems, nothing was built:\n.*annotation 100 belongs to no image/,
    );
  });

  test('pictures with an orientation tag, and of another size than their annotations', async () => {
    const file = JSON.parse(instances({ 'a.jpg': 9, 'b.jpg': 10, 'c.jpg': 11 }, [{ bbox: [0, 0, 4, 2] }]));
    Object.assign(file.images[1], { width: 12, height: 16 });
    Object.assign(file.images[2], { width: 20, height: 12 });
    put({
      'instances_default.json': JSON.stringify(file),
      'images/a.jpg': turned,
      'images/b.jpg': turned,
      'images/c.jpg': jpeg,
    });
    const { report, rows } = await build(coco);
    expect(report.leftOut).toEqual([
      { file: 'images/c.jpg', reason: 'has 16 x 12 pixels, but its annotations are for 20 x 12' },
    ]);
    const sizes = await Promise.all((rows.train ?? []).map(({ image }) => sharp(image.bytes).metadata()));
    // Annotated as it is stored: the tag is gone. Annotated upright: the file is unchanged.
    expect(sizes.map(({ width, height, orientation = 1 }) => [width, height, orientation])).toEqual([
      [16, 12, 1],
      [16, 12, 6],
    ]);
  });

  test('files of another form', async () => {
    put({ 'annotations/other.json': '' });
    await expect(build(coco)).rejects.toThrow('does not contain annotations/instances_train2017.json');
    const name = 'annotations/instances_train2017.json';
    for (const [content, message] of [
      ['', 'it is empty'],
      ['[]', 'expected one object'],
      ['{"images": [{"id": 1, "file_name": "a.jpg"}', 'it ends within the object'],
      ['{"images": [{"id": 1, "file_name": oops}]}', 'cannot be read as JSON'],
      ['{"images": [{"id": 1}]}', 'an image without id or file_name'],
      ['{"images": [{"id": 1, "file_name": "a.jpg"}], "categories": [ ]}', 'has no categories'],
      ['{"images": [,]}', 'cannot be read as JSON'],
    ] as const) {
      put({ [name]: content });
      await expect(build(coco), content).rejects.toThrow(message);
    }
    expect(fs.existsSync(target)).toBe(false);
  });
});

describe('voc', () => {
  const object = (name: string, [xmin, ymin, xmax, ymax]: number[], more = ''): string =>
    `<object><name>${name}</name><pose>Left</pose><truncated>1</truncated>${more}<bndbox><xmin>${xmin}</xmin><ymin>${ymin}</ymin><xmax>${xmax}</xmax><ymax>${ymax}</ymax></bndbox><part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part></object>`;
  const annotation = (...objects: string[]): string =>
    `<annotation>\n<folder>VOC2012</folder><size><width>16</width><height>12</height><depth>3</depth></size><segmented>1</segmented>${objects.join('\n')}</annotation>`;
  const pixels = Uint8Array.from({ length: 16 * 12 }, (_, at) => [0, 1, 20, 255][at % 4] as number);
  const base = 'VOCdevkit/VOC2012';
  const layout = (mask: Uint8Array): Record<string, string | Uint8Array> => ({
    [`${base}/ImageSets/Main/train.txt`]: 'a\nb\n',
    [`${base}/ImageSets/Main/val.txt`]: 'c\r\n',
    [`${base}/ImageSets/Main/dog_train.txt`]: 'a  1\nb -1\n',
    [`${base}/ImageSets/Segmentation/train.txt`]: 'a\nd\n',
    [`${base}/ImageSets/Segmentation/val.txt`]: '',
    [`${base}/Annotations/a.xml`]: annotation(
      object('dog', [1, 1, 16, 12]),
      object('person', [5.5, 2, 8, 4], '<difficult>1</difficult><occluded>0</occluded>'),
    ),
    [`${base}/Annotations/b.xml`]: annotation(object('tvmonitor', [2, 2, 3, 3], '<difficult>0</difficult>')),
    [`${base}/Annotations/c.xml`]: annotation(),
    [`${base}/JPEGImages/a.jpg`]: jpeg,
    [`${base}/JPEGImages/b.jpg`]: jpeg,
    [`${base}/JPEGImages/c.jpg`]: jpeg,
    [`${base}/JPEGImages/d.jpg`]: jpeg,
    [`${base}/SegmentationClass/a.png`]: mask,
  });
  /** A mask with a palette, as VOC's are. */
  const palette = async (): Promise<Buffer> => {
    const gray = encodePng(pixels, 16, 12, 1);
    // Gray becomes indices by changing the color type, and adding a palette.
    const { crc32, deflateSync } = await import('node:zlib');
    const chunk = (type: string, data: Uint8Array): Buffer => {
      const body = Buffer.concat([Buffer.from(type), data]);
      const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
      length.writeUInt32BE(data.length);
      sum.writeUInt32BE(crc32(body));
      return Buffer.concat([length, body, sum]);
    };
    const header = Buffer.from(gray.subarray(16, 29));
    header[9] = 3;
    const lines = Array.from({ length: 12 }, (_, y) => Buffer.from([0, ...pixels.subarray(16 * y, 16 * (y + 1))]));
    const colors = Buffer.from(Array.from({ length: 768 }, (_, k) => (37 * k) % 256));
    return Buffer.concat([
      gray.subarray(0, 8),
      chunk('IHDR', header),
      chunk('PLTE', colors),
      chunk('IDAT', deflateSync(Buffer.concat(lines))),
      chunk('IEND', Buffer.alloc(0)),
    ]);
  };

  test('boxes count from 1 and end with their last pixels; masks keep their palette', async () => {
    const mask = await palette();
    put(layout(mask));
    const { report, rows } = await build(voc, { strict: true });
    expect(report.splits).toEqual({ train: 2, validation: 1 });
    expect(report.leftOut).toEqual([{ file: `${base}/JPEGImages/d.jpg`, reason: 'is in none of the splits' }]);
    const [a, b] = rows.train ?? [];
    expect(a?.objects).toEqual({
      bbox: [
        [0, 0, 16, 12],
        [4.5, 1, 3.5, 3],
      ],
      category: [11, 14],
      difficult: [false, true],
      truncated: [true, true],
      occluded: [false, false],
      pose: ['Left', 'Left'],
    });
    expect(b?.objects).toMatchObject({ bbox: [[1, 1, 2, 2]], category: [19], difficult: [false] });
    expect(rows.validation?.[0]?.objects).toMatchObject({ bbox: [] });
    expect(Buffer.from(a?.mask?.bytes ?? []).equals(mask)).toBe(true);
    expect((await decodeMask(a?.mask?.bytes ?? mask)).data).toEqual(pixels);
    expect(b?.mask).toBe(null);
  });

  test('for segmentation: rows with masks; from a tar archive, packed or not', async () => {
    put(layout(await palette()));
    const folder = await build(vocSegmentation);
    expect(folder.report.splits).toEqual({ train: 1 });
    expect(folder.report.leftOut?.map(({ file, reason }) => `${path.basename(file)} ${reason}`)).toEqual([
      'd.jpg has no mask',
      'b.jpg is in none of the splits',
      'c.jpg is in none of the splits',
    ]);
    await expect(build(vocSegmentation, { strict: true })).rejects.toThrow('d.jpg has no mask');
    for (const [archive, flags] of [
      ['VOCtrainval_11-May-2012.tar', '-cf'],
      ['voc.tar.gz', '-czf'],
    ] as const) {
      const file = path.join(root, archive);
      execFileSync('tar', [flags, file, '-C', source, 'VOCdevkit']);
      const report = await vocSegmentation.build(target, { from: file, overwrite: true });
      expect(report).toEqual(folder.report);
    }
    // The archive in a folder as it was downloaded.
    fs.rmSync(path.join(source, 'VOCdevkit'), { recursive: true });
    fs.copyFileSync(path.join(root, 'VOCtrainval_11-May-2012.tar'), path.join(source, 'VOCtrainval_11-May-2012.tar'));
    expect((await build(voc)).report.splits).toEqual({ train: 2, validation: 1 });
  });

  test('what is wrong is named', async () => {
    const files = layout(encodePng(new Uint8Array(12), 4, 3, 1));
    put({
      ...files,
      [`${base}/ImageSets/Main/train.txt`]: 'a\nb\ne\nf\n',
      [`${base}/Annotations/b.xml`]: annotation(
        object('unicorn', [1, 1, 2, 2]),
        object('cat', [5, 5, 4, 9]),
        object('cat', [5, 5, 40, 9]),
        object('cat', [Number.NaN, 5, 40, 9]),
      ),
      [`${base}/Annotations/c.xml`]: '<annotation><object>',
      [`${base}/Annotations/e.xml`]: annotation(),
    });
    const { report, rows } = await build(voc);
    expect(rows.train?.map(({ objects }) => (objects as unknown as { bbox: number[][] }).bbox)).toEqual([
      [[4, 4, 12, 5]],
    ]);
    const reasons = report.leftOut?.map(({ file, reason }) => `${file.slice(base.length + 1)} ${reason}`);
    expect(reasons).toEqual([
      `JPEGImages/a.jpg has a mask, ${base}/SegmentationClass/a.png, that has 4 x 3 pixels, but its image 16 x 12`,
      'JPEGImages/e.jpg is listed, but missing',
      'Annotations/b.xml: object 1 has a box without area',
      'Annotations/b.xml: object 2 has a box that reaches beyond its image, and is clipped',
      'Annotations/b.xml: object 3 has no box of four numbers',
      expect.stringContaining('Annotations/c.xml is not XML (line 1'),
      'Annotations/b.xml has an object of the unknown class unicorn',
      'JPEGImages/f.jpg has no annotations',
      'JPEGImages/d.jpg is in none of the splits',
    ]);
    await expect(build(voc, { strict: true })).rejects.toThrow('problems, nothing was built');
    put({ 'VOCdevkit/VOC2007/ImageSets/Main/test.txt': 'a\n' });
    await expect(build(voc)).rejects.toThrow('contains several years, VOCdevkit/VOC2007/, VOCdevkit/VOC2012/');
  });
});
