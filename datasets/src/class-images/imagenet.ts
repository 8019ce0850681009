/** The builder of ImageNet's 1,000 classes, and of datasets in its layout, such as Imagenette. */

import { InputProblems } from '@tessera/data/folder';
import type { DatasetBuilder } from '../builder.ts';
import { baseOf, readLines, sourceBuilder } from '../source/builder.ts';
import { type ImageRow, type ImageRows, imagesIn, unusedImages, writeImageRows } from '../source/image-rows.ts';
import type { SourceFiles } from '../source/source-files.ts';
import { labeledFeatures } from './labeled.ts';

/** An image of a class folder: what is before it, the split, and the class. */
const inClassFolder = /^(?<base>(?:.*\/)?)(?<split>train|val)\/(?<synset>[^/]+)\/[^/]+$/;

/** The names of the classes by WordNet's number, from lines like `n01440764 tench, Tinca tinca`; empty without the file. */
async function readNames(files: SourceFiles): Promise<ReadonlyMap<string, string>> {
  const base = baseOf(files, 'LOC_synset_mapping.txt');
  if (base === null) return new Map();
  const problems: string[] = [];
  const names = new Map<string, string>();
  for (const { line, text } of await readLines(files, `${base}LOC_synset_mapping.txt`)) {
    const { synset, name } = /^(?<synset>\S+)\s+(?<name>.+)$/.exec(text.trim())?.groups ?? {};
    if (synset === undefined || name === undefined) problems.push(`line ${line}: expected a number and a name`);
    else names.set(synset, name);
  }
  if (problems.length > 0) throw new InputProblems(`${files.where}: LOC_synset_mapping.txt`, problems);
  return names;
}

/** The classes of validation images that are in one folder, from lines like `ILSVRC2012_val_00000001,n01751748 1 2 3 4`. */
async function readSolution(files: SourceFiles): Promise<ReadonlyMap<string, string>> {
  const base = baseOf(files, 'LOC_val_solution.csv');
  if (base === null) return new Map();
  const lines = (await readLines(files, `${base}LOC_val_solution.csv`)).slice(1);
  return new Map(lines.map(({ text }) => [text.split(',')[0] ?? '', /,\s*(\S+)/.exec(text)?.[1] ?? '']));
}

async function listImageNet(files: SourceFiles, { downloads }: DatasetBuilder): Promise<ImageRows> {
  const images = imagesIn(files, '');
  const training = images
    .map((file) => inClassFolder.exec(file)?.groups)
    .filter((groups) => groups?.split === 'train')
    .map((groups) => groups?.base ?? '');
  const base = training.reduce<string | null>(
    (best, each) => (best === null || each.length < best.length ? each : best),
    null,
  );
  if (base === null)
    throw new Error(`${files.where}: does not contain train/CLASS/IMAGE. It is built from ${downloads}`);
  const solution = await readSolution(files);
  const found: { split: string; file: string; synset: string }[] = [];
  for (const file of images) {
    const groups = inClassFolder.exec(file)?.groups;
    if (groups?.base === base && groups.synset !== undefined) {
      found.push({ split: groups.split === 'train' ? 'train' : 'validation', file, synset: groups.synset });
      continue;
    }
    const flat = file.startsWith(`${base}val/`) ? file.slice(`${base}val/`.length).replace(/\.\w+$/, '') : null;
    const synset = flat === null ? undefined : solution.get(flat);
    if (synset !== undefined) found.push({ split: 'validation', file, synset });
  }
  const synsets = [...new Set(found.filter(({ split }) => split === 'train').map(({ synset }) => synset))].sort();
  const numbers = new Map(synsets.map((synset, label) => [synset, label]));
  const names = await readNames(files);
  const rows: ImageRow[] = found.flatMap(({ split, file, synset }) => {
    const label = numbers.get(synset);
    return label === undefined ? [] : [{ split, file, values: { label } }];
  });
  return {
    features: labeledFeatures(synsets.map((synset) => names.get(synset) ?? synset)),
    rows,
    leftOut: unusedImages(files, '', rows, 'has no class, or one without training images'),
  };
}

export const imagenet: DatasetBuilder = sourceBuilder({
  name: 'imagenet',
  title: 'ImageNet (ILSVRC 2012): photographs in 1,000 classes, or another dataset in its layout',
  license: 'for research and education, without commercial use',
  homepage: 'https://www.image-net.org/download.php',
  version: 1,
  downloads:
    'a folder or archive with train/CLASS/IMAGE and val/CLASS/IMAGE, or val/IMAGE with LOC_val_solution.csv as at Kaggle, and with LOC_synset_mapping.txt for the names of the classes',
  async build(files, target, builder, options) {
    return writeImageRows(files, target, builder, await listImageNet(files, builder), options);
  },
});
