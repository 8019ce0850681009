/** The builders of CIFAR-10 and CIFAR-100, from their binary versions or those for Python. */
import { setImmediate } from 'node:timers/promises';
import { DatasetWriter, encodePng, feature } from '@tessera/data';
import { type BuildOptions, type BuildReport, type DatasetBuilder, infoOf } from '../builder.ts';
import { baseOf, locate, sourceBuilder } from '../source/builder.ts';
import type { SourceFiles } from '../source/source-files.ts';
import { readPythonBatch, readPythonNames } from './python.ts';

const side = 32;
const plane = side * side;
/** The number of rows between two progress reports. */
const reportEvery = 500;

/** A label in each record, in the records' order. */
interface LabelColumn {
  column: string;
  /** The file with the names of the classes, one per line. */
  namesFile: string;
  /** The keys of the labels and of the names in the version for Python. */
  python: { labels: string; names: string };
  classes: number;
}

interface Layout {
  labels: readonly LabelColumn[];
  /** The order of the columns behind the image, as Hugging Face has it. */
  columns: readonly string[];
  /** The files of the records by split. */
  splits: Readonly<Record<string, readonly string[]>>;
  /** The file with the names of the classes in the version for Python, which has the other files without ending. */
  pythonFile: string;
}

const layouts = {
  cifar10: {
    labels: [
      {
        column: 'label',
        namesFile: 'batches.meta.txt',
        classes: 10,
        python: { labels: 'labels', names: 'label_names' },
      },
    ],
    columns: ['label'],
    splits: { train: [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`), test: ['test_batch.bin'] },
    pythonFile: 'batches.meta',
  },
  cifar100: {
    labels: [
      {
        column: 'coarse_label',
        namesFile: 'coarse_label_names.txt',
        classes: 20,
        python: { labels: 'coarse_labels', names: 'coarse_label_names' },
      },
      {
        column: 'fine_label',
        namesFile: 'fine_label_names.txt',
        classes: 100,
        python: { labels: 'fine_labels', names: 'fine_label_names' },
      },
    ],
    columns: ['fine_label', 'coarse_label'],
    splits: { train: ['train.bin'], test: ['test.bin'] },
    pythonFile: 'meta',
  },
} as const satisfies Record<string, Layout>;

/** @throws where there is another number of names */
function checkNames(where: string, names: readonly string[], classes: number): string[] {
  if (names.length !== classes) throw new Error(`${where} has ${names.length} names of classes; expected ${classes}`);
  return [...names];
}

/** Three planes (red, green, blue) as pixels. */
function interleaved(planes: Uint8Array): Uint8Array {
  const pixels = new Uint8Array(3 * plane);
  for (let at = 0; at < plane; at++)
    for (let channel = 0; channel < 3; channel++) pixels[3 * at + channel] = planes[channel * plane + at] as number;
  return pixels;
}

interface CifarRow {
  readonly values: Readonly<Record<string, number>>;
  readonly planes: Uint8Array;
}

/** @throws for a label without name */
function labeledRow(where: string, row: number, labels: readonly LabelColumn[], numbers: readonly number[]) {
  return Object.fromEntries(
    labels.map(({ column, classes }, k) => {
      const label = numbers[k] ?? -1;
      if (!(label >= 0 && label < classes))
        throw new Error(`${where}: record ${row} has the ${column} ${label}; expected less than ${classes}`);
      return [column, label];
    }),
  );
}

/** Records of one byte per label and 3,072 bytes of pixels. @throws for a file of another length, and for a label without name */
function* binaryRows(where: string, bytes: Uint8Array, labels: readonly LabelColumn[]): Generator<CifarRow> {
  const length = labels.length + 3 * plane;
  if (bytes.length === 0 || bytes.length % length !== 0)
    throw new Error(`${where}: has ${bytes.length} bytes; expected a multiple of ${length}, the length of a record`);
  for (let start = 0; start < bytes.length; start += length) {
    const record = bytes.subarray(start, start + length);
    const values = labeledRow(where, start / length, labels, [...record.subarray(0, labels.length)]);
    yield { values, planes: record.subarray(labels.length) };
  }
}

function* pythonRows(where: string, bytes: Uint8Array, labels: readonly LabelColumn[]): Generator<CifarRow> {
  const keys = labels.map(({ python }) => python.labels);
  const batch = readPythonBatch(where, bytes, keys, 3 * plane);
  for (let row = 0; row < batch.rows; row++) {
    const numbers = keys.map((key) => batch.labels[key]?.[row] ?? -1);
    const planes = batch.pixels.subarray(row * 3 * plane, (row + 1) * 3 * plane);
    yield { values: labeledRow(where, row, labels, numbers), planes };
  }
}

/** One of the two versions: its files, and how they are read. */
interface Version {
  readonly batches: readonly { readonly split: string; readonly file: string }[];
  readonly nameFiles: readonly string[];
  names(where: string, bytes: Uint8Array, label: LabelColumn): string[];
  rows: typeof binaryRows;
}

/** The version that is there; where none is, the binary one. */
function versionOf(files: SourceFiles, { labels, splits, pythonFile }: Layout): Version {
  const batches = Object.entries(splits).flatMap(([split, names]) => names.map((file) => ({ split, file })));
  const isPython = baseOf(files, batches[0]?.file ?? '') === null && baseOf(files, pythonFile) !== null;
  if (isPython)
    return {
      batches: batches.map(({ split, file }) => ({ split, file: file.replace(/\.bin$/, '') })),
      nameFiles: labels.map(() => pythonFile),
      names: (where, bytes, { python }) => readPythonNames(where, bytes, python.names),
      rows: pythonRows,
    };
  return {
    batches,
    nameFiles: labels.map(({ namesFile }) => namesFile),
    names: (_, bytes) =>
      new TextDecoder()
        .decode(bytes)
        .split(/\r?\n/)
        .map((line) => line.trim())
        .filter((line) => line !== ''),
    rows: binaryRows,
  };
}

const build =
  (layout: Layout) =>
  async (
    files: SourceFiles,
    target: string,
    builder: DatasetBuilder,
    { overwrite = false, onProgress }: BuildOptions,
  ): Promise<BuildReport> => {
    const { labels, columns } = layout;
    const version = versionOf(files, layout);
    const { batches, nameFiles } = version;
    const base = locate(files, [...batches.map(({ file }) => file), ...nameFiles], builder);
    const names: Record<string, string[]> = {};
    for (const [k, label] of labels.entries()) {
      const file = nameFiles[k] ?? '';
      const where = `${files.where}: ${file}`;
      names[label.column] = checkNames(
        where,
        version.names(where, await files.read(base + file), label),
        label.classes,
      );
    }
    const features = {
      img: feature.image(),
      ...Object.fromEntries(columns.map((column) => [column, feature.classLabel(names[column] ?? [])])),
    };
    const writer = await DatasetWriter.create(target, { features, info: infoOf(builder), overwrite });
    try {
      for (const [k, { split, file }] of batches.entries()) {
        let row = 0;
        for (const { values, planes } of version.rows(
          `${files.where}: ${file}`,
          await files.read(base + file),
          labels,
        )) {
          const bytes = encodePng(interleaved(planes), side, side, 3);
          await writer.write(split, { img: { bytes, path: null }, ...values });
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
  downloads:
    'the binary version, cifar-10-binary.tar.gz or its folder cifar-10-batches-bin, or that for Python, cifar-10-python.tar.gz or cifar-10-batches-py',
  archives: { 'cifar-10-binary.tar.gz': 'cifar-10-batches-bin/', 'cifar-10-python.tar.gz': 'cifar-10-batches-py/' },
  build: build(layouts.cifar10),
});

export const cifar100: DatasetBuilder = sourceBuilder({
  ...common,
  name: 'cifar100',
  title: 'CIFAR-100: 32 x 32 color pictures in 100 classes of 20 groups',
  downloads:
    'the binary version, cifar-100-binary.tar.gz or its folder cifar-100-binary, or that for Python, cifar-100-python.tar.gz or cifar-100-python',
  archives: { 'cifar-100-binary.tar.gz': 'cifar-100-binary/', 'cifar-100-python.tar.gz': 'cifar-100-python/' },
  build: build(layouts.cifar100),
});
