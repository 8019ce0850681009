/** The builder of the Oxford-IIIT Pet dataset. */
import { feature } from '@tessera/data';
import { InputProblems } from '@tessera/data/folder';
import type { DatasetBuilder } from '../builder.ts';
import { locate, readLines, sourceBuilder } from '../source/builder.ts';
import { type ImageRow, type ImageRows, unusedImages, writeImageRows } from '../source/image-rows.ts';
import type { SourceFiles } from '../source/source-files.ts';
import { labeledFeatures, spaced } from './labeled.ts';

/** The lists of the splits: `NAME CLASS SPECIES BREED` in each line, all numbers from 1. */
const lists = { train: 'annotations/trainval.txt', test: 'annotations/test.txt' } as const;
const species = ['cat', 'dog'] as const;

const listLine = /^(?<breed>.+)_(?<number>\d+)\s+(?<label>\d+)\s+(?<kind>[12])\s+\d+\s*$/;

/** "american_bulldog" as "American Bulldog". */
const titleOf = (breed: string): string => spaced(breed).replaceAll(/\b[a-z]/g, (letter) => letter.toUpperCase());

async function listPets(files: SourceFiles, builder: DatasetBuilder): Promise<ImageRows> {
  const base = locate(files, Object.values(lists), builder);
  const breeds = new Map<number, string>();
  const rows: ImageRow[] = [];
  for (const [split, list] of Object.entries(lists)) {
    const problems: string[] = [];
    for (const { line, text } of await readLines(files, base + list)) {
      if (text.startsWith('#')) continue;
      const { breed, number, label, kind } = listLine.exec(text)?.groups ?? {};
      if (breed === undefined) {
        problems.push(`line ${line}: expected NAME CLASS SPECIES BREED, found "${text.slice(0, 60)}"`);
        continue;
      }
      const at = Number(label) - 1;
      const known = breeds.get(at);
      if (known !== undefined && known !== titleOf(breed))
        problems.push(`line ${line}: class ${label} is ${titleOf(breed)}, but ${known} in an earlier line`);
      breeds.set(at, titleOf(breed));
      rows.push({
        split,
        file: `${base}images/${breed}_${number}.jpg`,
        values: { label: at, label_cat_dog: Number(kind) - 1 },
      });
    }
    if (problems.length > 0) throw new InputProblems(`${files.where}: ${list}`, problems);
  }
  const names = Array.from({ length: breeds.size }, (_, at) => breeds.get(at));
  const missing = names.indexOf(undefined);
  if (missing >= 0) throw new Error(`${files.where}: no image has the class ${missing + 1} of ${names.length}`);
  const features = { ...labeledFeatures(names as string[]), label_cat_dog: feature.classLabel(species) };
  return { features, rows, leftOut: unusedImages(files, `${base}images/`, rows, 'is in none of the splits') };
}

export const oxfordPets: DatasetBuilder = sourceBuilder({
  name: 'oxford-pets',
  title: 'Oxford-IIIT Pet: photographs of cats and dogs in 37 breeds',
  license: 'CC BY-SA 4.0',
  homepage: 'https://www.robots.ox.ac.uk/~vgg/data/pets/',
  version: 1,
  downloads: 'images.tar.gz and annotations.tar.gz, or their folders images and annotations',
  archives: { 'images.tar.gz': 'images/', 'annotations.tar.gz': 'annotations/' },
  async build(files, target, builder, options) {
    return writeImageRows(files, target, builder, await listPets(files, builder), options);
  },
});
