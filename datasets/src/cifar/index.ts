/** The builders of CIFAR-10 and CIFAR-100, from their binary versions. */
import { setImmediate } from 'node:timers/promises';
import { DatasetWriter, feature } from '@tessera/data';
import { type BuildOptions, type BuildReport, type DatasetBuilder, infoOf } from '../builder.ts';
import { encodePng } from '../png.ts';
import { baseOf, locate, readLines, sourceBuilder } from '../source/builder.ts';
import type { SourceFiles } from '../source/source-files.ts';

const side = 32;
const plane = side * side;
/** The number of rows between two progress reports. */
const reportEvery = 500;

/** A label in each record, in the records' order. */
interface LabelColumn {
  column: string;
  /** The file with the names of the classes, one per line. */
  namesFile: string;
  classes: number;
}

interface Layout {
  labels: readonly LabelColumn[];
  /** The order of the columns behind the image, as Hugging Face has it. */
  columns: readonly string[];
  /** The files of the records by split. */
  splits: Readonly<Record<string, readonly string[]>>;
  /** A file that is only in the version for Python. */
  pythonFile: string;
}

const layouts = {
  cifar10: {
    labels: [{ column: 'label', namesFile: 'batches.meta.txt', classes: 10 }],
    columns: ['label'],
    splits: { train: [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`), test: ['test_batch.bin'] },
    pythonFile: 'batches.meta',
  },
  cifar100: {
    labels: [
      { column: 'coarse_label', namesFile: 'coarse_label_names.txt', classes: 20 },
      { column: 'fine_label', namesFile: 'fine_label_names.txt', classes: 100 },
    ],
    columns: ['fine_label', 'coarse_label'],
    splits: { train: ['train.bin'], test: ['test.bin'] },
    pythonFile: 'meta',
  },
} as const satisfies Record<string, Layout>;

/** The names of the classes. @throws where the file has another number of names */
async function readNames(files: SourceFiles, file: string, classes: number): Promise<string[]> {
  const names = (await readLines(files, file)).map(({ text }) => text.trim());
  if (names.length !== classes)
    throw new Error(`${files.where}: ${file} has ${names.length} names of classes; expected ${classes}`);
  return names;
}

/** Three planes (red, green, blue) as pixels. */
function interleaved(planes: Uint8Array): Uint8Array {
  const pixels = new Uint8Array(3 * plane);
  for (let at = 0; at < plane; at++)
    for (let channel = 0; channel < 3; channel++) pixels[3 * at + channel] = planes[channel * plane + at] as number;
  return pixels;
}

/** Records of one byte per label and 3,072 bytes of pixels. @throws for a file of another length, and for a label without name */
function* recordsOf(
  where: string,
  bytes: Uint8Array,
  labels: readonly LabelColumn[],
): Generator<{ values: Record<string, number>; pixels: Uint8Array }> {
  const length = labels.length + 3 * plane;
  if (bytes.length === 0 || bytes.length % length !== 0)
    throw new Error(`${where}: has ${bytes.length} bytes; expected a multiple of ${length}, the length of a record`);
  for (let start = 0; start < bytes.length; start += length) {
    const values: Record<string, number> = {};
    for (const [k, { column, classes }] of labels.entries()) {
      const label = bytes[start + k] as number;
      if (label >= classes)
        throw new Error(`${where}: record ${start / length} has the ${column} ${label}; expected less than ${classes}`);
      values[column] = label;
    }
    yield { values, pixels: interleaved(bytes.subarray(start + labels.length, start + length)) };
  }
}

const build =
  ({ labels, columns, splits, pythonFile }: Layout) =>
  async (
    files: SourceFiles,
    target: string,
    builder: DatasetBuilder,
    { overwrite = false, onProgress }: BuildOptions,
  ): Promise<BuildReport> => {
    const batches = Object.entries(splits).flatMap(([split, names]) => names.map((file) => ({ split, file })));
    const needed = [...batches.map(({ file }) => file), ...labels.map(({ namesFile }) => namesFile)];
    if (baseOf(files, needed[0] as string) === null && baseOf(files, pythonFile) !== null)
      throw new Error(
        `${files.where}: is the version for Python, whose pickle files are not read. ${builder.name} is built from ${builder.downloads}`,
      );
    const base = locate(files, needed, builder);
    const names: Record<string, string[]> = {};
    for (const { column, namesFile, classes } of labels)
      names[column] = await readNames(files, base + namesFile, classes);
    const features = {
      img: feature.image(),
      ...Object.fromEntries(columns.map((column) => [column, feature.classLabel(names[column] ?? [])])),
    };
    const writer = await DatasetWriter.create(target, { features, info: infoOf(builder), overwrite });
    try {
      for (const [k, { split, file }] of batches.entries()) {
        let row = 0;
        for (const { values, pixels } of recordsOf(`${files.where}: ${file}`, await files.read(base + file), labels)) {
          await writer.write(split, { img: { bytes: encodePng(pixels, side, side, 3), path: null }, ...values });
          // Lets the event loop draw a progress bar.
          if (++row % reportEvery === 0) await setImmediate();
        }
        onProgress?.({ what: `files of ${builder.name}`, done: k + 1, total: batches.length });
      }
    } catch (error) {
      await writer.abort();
      throw error;
    }
    await writer.close();
    return { path: writer.path, splits: writer.counts };
  };

const common = {
  license: 'not stated by the authors, who ask to be cited',
  homepage: 'https://www.cs.toronto.edu/~kriz/cifar.html',
  version: 1,
};

export const cifar10: DatasetBuilder = sourceBuilder({
  ...common,
  name: 'cifar10',
  title: 'CIFAR-10: 32 x 32 color pictures in ten classes',
  downloads: 'the binary version, cifar-10-binary.tar.gz or its folder cifar-10-batches-bin',
  archives: { 'cifar-10-binary.tar.gz': 'cifar-10-batches-bin/' },
  build: build(layouts.cifar10),
});

export const cifar100: DatasetBuilder = sourceBuilder({
  ...common,
  name: 'cifar100',
  title: 'CIFAR-100: 32 x 32 color pictures in 100 classes of 20 groups',
  downloads: 'the binary version, cifar-100-binary.tar.gz or its folder cifar-100-binary',
  archives: { 'cifar-100-binary.tar.gz': 'cifar-100-binary/' },
  build: build(layouts.cifar100),
});
