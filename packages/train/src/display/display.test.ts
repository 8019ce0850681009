/** Pictures, grids, attention maps and curves, as the bundles that a notebook gets. */
import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ImageClassifier, VisionTransformer } from '@tessera/models';
import { arange, manualSeed, randn, type Tensor, tensor, zeros } from '@tessera/tensor';
import { display, type MediaBundle } from '@tessera/tensor/display';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { displayAttention } from './attention.ts';
import { displayImage, displayImages } from './images.ts';
import { displayRun } from './run.ts';
import type { Shown } from './shown.ts';

const bundleOf = (shown: Shown): Promise<MediaBundle> => shown[display]();

interface Decoded {
  readonly text: string;
  readonly width: number;
  readonly height: number;
  /** The color of a pixel. */
  at(x: number, y: number): number[];
}

async function decode(shown: Shown): Promise<Decoded> {
  const { 'text/plain': text, 'image/png': png = '' } = await bundleOf(shown);
  const { data, info } = await sharp(Buffer.from(png, 'base64'))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const at = (x: number, y: number): number[] => {
    const start = (y * width + x) * channels;
    return channels === 1 ? [0, 0, 0].map(() => data[start] ?? -1) : [...data.subarray(start, start + 3)];
  };
  return { text, width, height, at };
}

describe('displayImage', () => {
  // Two pixels side by side: red and blue.
  const redBlue = tensor([255, 0, 0, 0, 0, 255], { shape: [1, 2, 3], dtype: 'u8' });
  const asFloat = redBlue.cast('f32').div(255);
  const pixels = { data: Uint8Array.of(255, 0, 0, 0, 0, 255), height: 1, width: 2 };

  it.each([
    ['u8 [H, W, C]', redBlue],
    ['f32 [H, W, C] from 0 to 1', asFloat],
    ['f32 [C, H, W]', asFloat.permute(2, 0, 1)],
    ['i32', redBlue.cast('i32')],
    ['with transparency', tensor([1, 0, 0, 1, 0, 0, 1, 1], { shape: [1, 2, 4] })],
    ['decoded pixels', pixels],
  ])('%s', async (_, image) => {
    const { width, height, at } = await decode(displayImage(image, { scale: 3 }));
    expect([width, height]).toEqual([6, 3]);
    expect([at(0, 0), at(2, 2), at(3, 0), at(5, 2)]).toEqual([
      [255, 0, 0],
      [255, 0, 0],
      [0, 0, 255],
      [0, 0, 255],
    ]);
  });

  it('the bytes of a file, and images of a data set', async () => {
    const bytes = await sharp(pixels.data, { raw: { width: 2, height: 1, channels: 3 } })
      .png()
      .toBuffer();
    for (const image of [bytes, { bytes, path: 'a.png' }]) {
      const { text, at } = await decode(displayImage(image, { scale: 1 }));
      expect(text).toBe('image of 2 x 1 pixels');
      expect(at(1, 0)).toEqual([0, 0, 255]);
    }
    await expect(bundleOf(displayImage({ bytes: null, path: 'a.png' }))).rejects.toThrow('only the path a.png');
    await expect(bundleOf(displayImage(Buffer.from('no image')))).rejects.toThrow();
  });

  it('gray and truth values; small images are enlarged up to 256 pixels', async () => {
    const gray = await decode(
      displayImage(
        tensor([
          [0, 0.5],
          [1, 0],
        ]),
      ),
    );
    expect([gray.width, gray.height]).toEqual([256, 256]);
    expect([gray.at(0, 0), gray.at(255, 0), gray.at(0, 255)]).toEqual([
      [0, 0, 0],
      [128, 128, 128],
      [255, 255, 255],
    ]);
    const truth = await decode(displayImage(tensor([[true, false]])));
    expect([truth.at(0, 0), truth.at(255, 0)]).toEqual([
      [255, 255, 255],
      [0, 0, 0],
    ]);
  });

  it('a layout and a range can be named; what they leave out is said', async () => {
    const bands = zeros([3, 2, 3]); // both layouts are possible
    expect((await decode(displayImage(bands, { scale: 1 }))).height).toBe(3);
    expect((await decode(displayImage(bands, { scale: 1, layout: 'chw' }))).height).toBe(2);
    const values = tensor([[-1, 0, 3, Number.NaN]]);
    const clipped = await decode(displayImage(values, { scale: 1 }));
    expect(clipped.text).toBe('image f32 [1, 4]; 2 of 4 values are outside of [0, 1]; 1 pixels are NaN (magenta)');
    expect(clipped.at(3, 0)).toEqual([255, 0, 255]);
    const whole = await decode(displayImage(values, { scale: 1, range: 'auto' }));
    expect([whole.at(0, 0), whole.at(1, 0), whole.at(2, 0)].map(([level]) => level)).toEqual([0, 64, 255]);
    expect(whole.text).toBe('image f32 [1, 4]; 1 pixels are NaN (magenta)');
  });

  it.each<[string, Tensor, object, string]>([
    ['channels', zeros([2, 5, 5]), {}, '[2, 5, 5]'],
    ['axes', zeros([1, 1, 5, 5]), {}, '[1, 1, 5, 5]'],
    ['no pixels', zeros([0, 4, 3]), {}, 'no pixels'],
    ['layout', zeros([5, 5, 3]), { layout: 'chw' }, 'with the layout chw'],
    ['range', zeros([4, 4]), { range: [1, 1] }, 'white must be greater than black'],
  ])('refuses wrong %s', async (_, image, options, message) => {
    await expect(bundleOf(displayImage(image, options))).rejects.toThrow(message);
  });

  it('refuses a wrong scale at once', () => {
    expect(() => displayImage(zeros([2, 2]), { scale: 0.5 })).toThrow(
      'scale must be a whole number of at least 1, got 0.5',
    );
  });
});

describe('displayImages', () => {
  const batch = arange(4 * 8 * 8)
    .reshape(4, 8, 8)
    .div(256);

  it('places images in rows, with labels below them', async () => {
    const without = await decode(displayImages(batch, { columns: 3, scale: 1 }));
    expect([without.width, without.height]).toEqual([6 + 3 * 14, 6 + 2 * 14]);
    expect(without.at(6, 6)).toEqual([0, 0, 0]);
    expect(without.at(6, 20)[0]).toBe(Math.round((255 * 192) / 256));
    const labels = ['one', '<b>&"', 'three three three three three three three three', ''];
    const labeled = await decode(displayImages(batch, { columns: 3, scale: 1, labels }));
    expect(labeled.text).toBe('4 images');
    expect(labeled.height).toBe(6 + 2 * (14 + 3 * 14));
  });

  it('shows a part of many images, and says so', async () => {
    const { text, width } = await decode(displayImages(batch, { most: 2, scale: 1, labels: ['a', 'b', 'c', 'd'] }));
    expect(text).toBe('4 images; the first 2 of 4: the option most shows more');
    expect(width).toBe(6 + 2 * 90);
  });

  it('images of different sizes are centered', async () => {
    const { width, height, at } = await decode(displayImages([zeros([8, 8]), zeros([4, 2])], { scale: 1 }));
    expect([width, height]).toEqual([34, 20]);
    expect([at(20, 6), at(23, 8), at(23, 6)].map(([level]) => level)).toEqual([255, 0, 255]);
  });

  it.each<[string, Parameters<typeof displayImages>, string]>([
    ['labels', [batch, { labels: ['a'] }], '1 labels do not fit 4 images'],
    ['columns', [batch, { columns: 0 }], 'columns must be a whole number of at least 1, got 0'],
    ['images', [[]], 'there are no images'],
  ])('refuses wrong %s at once', (_, [images, options], message) => {
    expect(() => displayImages(images, options)).toThrow(message);
  });

  it('refuses a tensor that is not a batch', async () => {
    await expect(bundleOf(displayImages(zeros([4, 4])))).rejects.toThrow('[N, H, W], got [4, 4]');
  });
});

describe('displayAttention', () => {
  manualSeed(1);
  const tower = new VisionTransformer(16, 8, 8, 2, 2, 4);
  const image = randn([20, 30, 3]).sigmoid();

  it('draws the rollout and the heads of the last layer', async () => {
    const shown = await decode(displayAttention(tower, image, { size: 32 }));
    const [first, ...rest] = shown.text.split('\n');
    expect(first).toBe('attention of a VisionTransformer, 16 px');
    expect(rest.map((line) => line.replace(/:.*/, ''))).toEqual([
      'Through the whole model',
      '  image',
      '  what the model sees',
      '  rollout',
      'Layer 1 of 0 to 1',
      '  mean of heads',
      '  head 0',
      '  head 1',
    ]);
    expect(shown.width).toBe(560);
  });

  it('finds the tower of a classifier, and draws the maps of texts', async () => {
    const model = new ImageClassifier(tower, 3);
    const textFeatures = randn([2, 4]);
    const options = { layers: [0], head: 'mean', rollout: false, texts: ['<a>', 'b'], textFeatures, size: 32 } as const;
    const { text } = await decode(displayAttention(model, image, options));
    expect(text).toMatch(/“<a>”: cosine -?\d\.\d\d\n {2}“b”: cosine/);
    expect(text).not.toContain('rollout');
  });

  it('refuses what does not fit', async () => {
    expect(() => displayAttention(tower, image, { texts: ['a'] })).toThrow('textFeatures');
    expect(() => displayAttention(tower, image, { texts: ['a'], textFeatures: zeros([2, 4]) })).toThrow('2 texts');
    expect(() => displayAttention(tower, image, { size: 2 })).toThrow('at least 16');
    await expect(bundleOf(displayAttention(tower, image, { layers: [5] }))).rejects.toThrow('layer 5 does not exist');
  });
});

describe('displayRun', () => {
  let root = '';
  const write = async (name: string, lines: readonly object[]): Promise<string> => {
    const path = join(root, name);
    await fs.mkdir(path);
    await fs.writeFile(join(path, 'config.yaml'), 'task: classify\n');
    await fs.writeFile(join(path, 'metrics.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    return path;
  };
  beforeAll(async () => {
    root = await fs.mkdtemp(join(tmpdir(), 'display-run-'));
  });
  afterAll(() => fs.rm(root, { recursive: true }));

  const records = [
    { kind: 'step', step: 1, loss: 2, '<lr>': 0.1, memory: 1e9 },
    { kind: 'step', step: 2, loss: 1, '<lr>': 0.1, memory: 1e9 },
    { kind: 'evaluation', step: 2, epoch: 1, split: 'test', values: { top1: 0.75 } },
  ];

  test('the curves of training and evaluation, without those of the machine', async () => {
    const bundle = await bundleOf(displayRun(await write('all', records)));
    expect(bundle['text/plain'].split('\n')).toEqual([
      'run all',
      'Training loss: each step 1 (step 2), smoothed 1 (step 2)',
      '<lr>: <lr> 0.1 (step 2)',
      'Top-1 accuracy: test 75\u202f% (epoch 1)',
    ]);
    const svg = bundle['image/svg+xml'] ?? '';
    expect(svg.match(/<g transform/g)).toHaveLength(3);
    expect(svg).toContain('&lt;lr&gt;');
    expect(svg).not.toContain('<lr>');
    expect(svg).not.toContain('Memory');
    // A drawing that is valid XML.
    expect((await sharp(Buffer.from(svg)).metadata()).width).toBe(896);
  });

  test('chosen curves; an unknown one names those that there are', async () => {
    const path = await write('chosen', records);
    const bundle = await bundleOf(displayRun(path, { curves: ['memory', 'top1'], columns: 1 }));
    expect(bundle['text/plain'].split('\n').map((line) => line.replace(/:.*/, ''))).toEqual([
      'run chosen',
      'Memory of the process',
      'Top-1 accuracy',
    ]);
    await expect(bundleOf(displayRun(path, { curves: ['los'] }))).rejects.toThrow(
      'has no curve los; it has <lr>, loss, memory, top1',
    );
  });

  test('a run before its first step, and no run', async () => {
    const path = await write('new', []);
    expect(await bundleOf(displayRun(path))).toEqual({ 'text/plain': 'run new: no step has been recorded yet' });
    await expect(bundleOf(displayRun(join(root, 'none')))).rejects.toThrow('none: there is no such run');
    await expect(bundleOf(displayRun(root))).rejects.toThrow("is not in a run's folder");
  });
});
