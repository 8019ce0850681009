/** The builder of Food-101. */
import type { DatasetBuilder } from '../builder.ts';
import { baseOf, locate, readJson, readLines, sourceBuilder } from '../source/builder.ts';
import { type ImageRow, type ImageRows, unusedImages, writeImageRows } from '../source/image-rows.ts';
import type { SourceFiles } from '../source/source-files.ts';
import { labeledFeatures, spaced } from './labeled.ts';

const splits = ['train', 'test'] as const;

/** The paths `CLASS/IMAGE` of a split, from meta/SPLIT.txt or meta/SPLIT.json, which contain the same. */
async function readPaths(files: SourceFiles, base: string, list: string): Promise<string[]> {
  const paths = list.endsWith('.json')
    ? Object.values(await readJson<Record<string, string[]>>(files, base + list)).flat()
    : (await readLines(files, base + list)).map(({ text }) => text.trim());
  const wrong = paths.find((path) => !/^[^/]+\/[^/]+$/.test(path));
  if (wrong !== undefined) throw new Error(`${files.where}: ${list}: expected CLASS/IMAGE, found "${wrong}"`);
  return paths;
}

async function listFood(files: SourceFiles, builder: DatasetBuilder): Promise<ImageRows> {
  const lists = splits.map((split) => {
    const names = [`meta/${split}.txt`, `meta/${split}.json`];
    return { split, list: names.find((name) => baseOf(files, name) !== null) ?? `meta/${split}.txt` };
  });
  const base = locate(
    files,
    lists.map(({ list }) => list),
    builder,
  );
  const paths: { split: string; path: string; name: string }[] = [];
  for (const { split, list } of lists)
    for (const path of await readPaths(files, base, list)) paths.push({ split, path, name: path.split('/')[0] ?? '' });
  const classes = [...new Set(paths.map(({ name }) => name))].sort();
  const numbers = new Map(classes.map((name, label) => [name, label]));
  const rows: ImageRow[] = paths.map(({ split, path, name }) => ({
    split,
    file: `${base}images/${path}.jpg`,
    values: { label: numbers.get(name) },
  }));
  return {
    features: labeledFeatures(classes.map(spaced)),
    rows,
    leftOut: unusedImages(files, `${base}images/`, rows, 'is in none of the splits'),
  };
}

export const food101: DatasetBuilder = sourceBuilder({
  name: 'food101',
  title: 'Food-101: photographs of 101 dishes',
  license: 'the photographs belong to their authors at Foodspotting; for science only',
  homepage: 'https://data.vision.ee.ethz.ch/cvl/datasets_extra/food-101/',
  version: 1,
  downloads: 'food-101.tar.gz, or its folder food-101 with meta/train.txt, meta/test.txt (or .json) and images',
  archives: { 'food-101.tar.gz': 'meta/' },
  async build(files, target, builder, options) {
    return writeImageRows(files, target, builder, await listFood(files, builder), options);
  },
});
