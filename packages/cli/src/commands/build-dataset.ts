/** tessera build-dataset: builds a dataset by name, from a folder of images, or from files of rows. */
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isAddress, isPattern, isRowFolder } from '@tessera/data';
import { type LeftOut, leftOutLines } from '@tessera/data/folder';
import { copyDataset } from '@tessera/data/tools';
import { buildFromFolder, datasetBuilder, datasets, type Progress } from '@tessera/datasets';
import { callOf, fromCaller, toCaller } from '../lib/call.ts';
import { commandLine, UsageError } from '../lib/command.ts';
import { printChanges } from '../lib/data/copy.ts';
import { datasetRoot, isKnownDataset } from '../lib/datasets.ts';
import { ProgressBar } from '../lib/progress-bar.ts';

const readOptions = (args: readonly string[]) =>
  commandLine('build-dataset', args)
    .command(
      '$0 <source>',
      `Builds a dataset: by name (${Object.keys(datasets).join(', ')}), from a folder of images with captions or classes, or from Parquet, tar and Arrow files.`,
    )
    .positional('source', {
      type: 'string',
      demandOption: true,
      describe: 'Name of a dataset, a folder, or files: a path, a pattern or an address',
    })
    .options({
      out: { type: 'string', describe: 'Folder to write [default: datasets/built/NAME]' },
      from: {
        type: 'string',
        describe: 'For a dataset by name: the folder or archive (.zip, .tar, .tar.gz) with its downloaded files',
      },
      overwrite: { type: 'boolean', default: false, describe: 'Replace an existing dataset' },
      captions: {
        type: 'string',
        describe: 'For a folder: the file with the captions, if its name is not captions.* or metadata.*',
      },
      'image-column': { type: 'string', describe: 'For a folder: the column with the names of the image files' },
      'caption-column': { type: 'string', describe: 'For a folder: the column with the captions' },
      encoding: {
        type: 'string',
        describe: 'For a folder: the encoding of that file, such as windows-1252, if it is neither UTF-8 nor UTF-16',
      },
      'test-share': {
        type: 'number',
        describe: 'For a folder: fraction of the images for the split test [default: 0.1]',
      },
      'max-size': {
        type: 'number',
        describe: 'For a folder, and with --from: larger images are resized to this length of the shorter side',
      },
      strict: {
        type: 'boolean',
        default: false,
        describe: 'For a folder, and with --from: stop at an image that is missing or cannot be decoded',
      },
      license: { type: 'string', describe: "For a folder: the dataset's license, for its description" },
    })
    .example('$0 emoji', `the dataset that ${callOf('train')} uses`)
    .example('$0 cifar10 --from downloads/cifar-10-binary.tar.gz', 'from files that you have downloaded')
    .example('$0 my-pictures', 'my-pictures/captions.csv with the columns image and caption, or .jsonl')
    .example('$0 my-classes --out data/animals', 'my-classes/cat/*.jpg, my-classes/dog/*.jpg: one folder per class')
    .example("$0 'data/{00000..00009}.tar' --out data/pairs", 'files that --data reads, copied into one folder')
    .epilogue(
      'Captions: a CSV, TSV or JSONL file with an image and its caption in each row; an image can have several captions, in several rows or in JSONL as a list. ' +
        'Folders named train and test, or a column named split, define the splits; otherwise a tenth of the images becomes the split test.\n' +
        `Then: ${callOf('train', '--data DIR')}, or ${callOf('train', '--task classify --data DIR')}.`,
    )
    .parseAsync();

export async function main(args: readonly string[]): Promise<number | undefined> {
  const options = await readOptions(args);
  const { source, overwrite } = options;
  const bar = new ProgressBar();
  const onProgress = ({ what, done, total }: Progress): void =>
    bar.update(done / total, [`${what}: ${done} of ${total}`]);
  const named = isKnownDataset(source);
  const target =
    options.out === undefined
      ? join(datasetRoot, named ? source : basename(fromCaller(source)))
      : fromCaller(options.out);
  const build = { overwrite, onProgress };
  if (named) {
    const builder = datasetBuilder(source);
    const from = options.from === undefined ? undefined : fromCaller(options.from);
    if (from !== undefined && builder.downloads === undefined)
      throw new UsageError(`--from: the dataset ${source} is not built from downloaded files; leave the option out`);
    const problem = await builder.unavailable(from);
    if (problem !== null) throw new UsageError(problem);
    const { maxSize, strict } = options;
    const { splits, leftOut = [] } = await builder.build(target, {
      ...build,
      strict,
      ...(from !== undefined && { from }),
      ...(maxSize !== undefined && { maxSize }),
    });
    bar.finish();
    printLeftOut(leftOut);
    printReport(target, splits);
    console.log(`license: ${builder.license}`);
    return;
  }
  if (options.from !== undefined)
    throw new UsageError(
      `--from: ${source} is not the name of a dataset; datasets: ${Object.keys(datasets).join(', ')}`,
    );
  const folder = fromCaller(source);
  const stats = isAddress(source) ? null : await stat(folder).catch(() => null);
  const hasRows = stats?.isFile() || (stats?.isDirectory() && (await isRowFolder(folder)));
  if (isAddress(source) || isPattern(source) || hasRows) {
    if (options.out === undefined) throw new UsageError(`${source}: name the folder to write with --out`);
    const onPlan = printChanges;
    const report = await copyDataset(isAddress(source) ? source : folder, target, { ...build, to: 'arrow', onPlan });
    bar.finish();
    printReport(target, report.splits);
    return;
  }
  if (!stats?.isDirectory())
    throw new UsageError(`${source}: neither a folder nor a dataset; datasets: ${Object.keys(datasets).join(', ')}`);
  const { captions, imageColumn, captionColumn, encoding, testShare, maxSize, strict, license } = options;
  const given = Object.entries({ captions, imageColumn, captionColumn, encoding, testShare, maxSize, license });
  const report = await buildFromFolder(folder, target, {
    ...build,
    strict,
    ...Object.fromEntries(given.filter(([, value]) => value !== undefined)),
  });
  bar.finish();
  printLeftOut([...report.skipped, ...report.leftOut]);
  printReport(target, report.splits);
  if (report.kind === 'classes') console.log(`classes: ${report.classes.join(', ')}`);
  const task = report.kind === 'classes' ? '--task classify ' : '';
  console.log(`\nto train on it:\n  ${callOf('train', `${task}--data ${toCaller(target)}`)}`);
  return;
}

function printLeftOut(leftOut: readonly LeftOut[]): void {
  for (const line of leftOutLines(leftOut)) console.log(line);
}

function printReport(target: string, splits: Readonly<Record<string, number>>): void {
  console.log(
    `${toCaller(target)}: ${Object.entries(splits)
      .map(([name, rows]) => `${name} ${rows}`)
      .join(', ')}`,
  );
}
