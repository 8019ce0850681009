/** Search in images: the index, its update, and what is shown of the images that are found. */
import { createHash } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { openDataset } from '@tessera/data';
import { writeTinyDataset } from '@tessera/data/testing';
import { type LoadedRun, loadRun } from '@tessera/train';
import { normalizeRows } from '@tessera/train/evaluation';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeTinyRuns } from '../testing/tiny-runs.ts';
import { drawContactSheet } from './contact-sheet.ts';
import { findNearest, openIndex, updateIndex } from './image-index.ts';
import { readFound } from './read-found.ts';
import { renderSearchPage } from './search-page.ts';

let root: string;
let run: LoadedRun;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await writeTinyRuns(['clip']);
  run = await loadRun(at('clip'));
});
afterAll(async () => {
  run.dispose();
  await fs.rm(root, { recursive: true });
});

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, k) => sum + value * (b[k] ?? 0), 0);

it('finds the images whose features are nearest to those of a text', async () => {
  const { index, kept, leftOut } = await updateIndex(run, at('data'), at('index'));
  expect([index.images.length, kept, leftOut.length]).toEqual([24, 0, 0]);
  const { values, dims } = index.features;
  const [text, images] = [
    normalizeRows((await run.embedTexts(['red circle'])).values, dims),
    normalizeRows(values, dims),
  ];
  const cosines = Array.from({ length: 24 }, (_, k) => dot(text, images.subarray(k * dims, (k + 1) * dims)));
  const found = findNearest(index, text, 5);
  // Each image is in both splits, and is found once.
  const distinct = cosines.toSorted((a, b) => b - a).filter((_, k) => k % 2 === 0);
  expect(found.map(({ similarity }) => similarity)).toEqual(
    distinct.slice(0, 5).map((cosine) => expect.closeTo(cosine, 6)),
  );
  expect(findNearest(index, text, 100)).toHaveLength(12);
  // The features are those of the model, and each row is where it says.
  using dataset = await openDataset(at('data'));
  for (const image of await readFound(dataset, found)) {
    const alone = await run.embedImages([image.bytes]);
    const place = index.images.findIndex(({ split, row }) => split === image.split && row === image.row);
    for (const [d, value] of alone.values.entries()) expect(values[place * dims + d]).toBeCloseTo(value, 5);
    const stored = (await dataset.split(image.split).row(image.row, ['image'])).image as unknown as { path: string };
    expect(image.path).toBe(stored.path);
  }
});

it('embeds only images that are new, and all with other weights', async () => {
  const [first, again] = [
    await updateIndex(run, at('data'), at('again')),
    await updateIndex(run, at('data'), at('again')),
  ];
  expect(again.kept).toBe(24);
  expect(again.index).toEqual(first.index);
  await writeTinyDataset(at('more'), { copies: 1, damaged: [2] });
  const { index, kept, leftOut } = await updateIndex(run, at('more'), at('again'));
  expect([index.images.length, kept]).toEqual([23, 23]);
  expect(leftOut).toEqual([{ split: 'train', row: 2, reason: expect.stringContaining('cannot be decoded') }]);
  const { model } = run.subject;
  const before = model.stateDict();
  const changed = new Map([...before].map(([name, value]) => [name, name === 'logit_scale' ? value.add(1) : value]));
  model.loadStateDict(changed);
  expect((await updateIndex(run, at('data'), at('again'))).kept).toBe(0);
  model.loadStateDict(before);
});

it('opens a stored index as it is, for its own model', async () => {
  const { index } = await updateIndex(run, at('data'), at('stored'));
  expect(await openIndex(run, at('stored'))).toEqual(index);
  await expect(openIndex(run, at('data'))).rejects.toThrow('is not an index of images; make one with npm run search');
  const other = Object.create(run, { subject: { value: { ...run.subject, imageSize: 8 } } }) as LoadedRun;
  await expect(openIndex(other, at('stored'))).rejects.toThrow('was made with another model');
});

it('shows what it found as a contact sheet and as a page, and notices that the data have changed', async () => {
  const { index } = await updateIndex(run, at('data'), at('shown'));
  using dataset = await openDataset(at('data'));
  const found = await readFound(dataset, findNearest(index, (await run.embedTexts(['<blue> bar'])).values, 6));
  const { width, height } = await sharp(await drawContactSheet('<blue> bar', found)).metadata();
  // Two rows of four: as many panels as a sheet of this width has.
  expect([width, height]).toEqual([2 * 28 + 4 * 208 - 16, 28 + 72 + 30 + 2 * (192 + 40) + 28 - 8]);
  const page = await renderSearchPage('<blue> bar', found, { Images: '24' });
  expect(page.match(/data:image\/webp/g)).toHaveLength(6);
  expect(page).toContain('<h1>&lt;blue&gt; bar</h1>');
  const other = found.map((image) => ({ ...image, hash: createHash('sha256').update('other').digest('hex') }));
  await expect(readFound(dataset, other)).rejects.toThrow('has another image than when it was indexed; search again');
});
