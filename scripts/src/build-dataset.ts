/** npm run build-dataset: makes an Arrow dataset by name, or from a folder of images. */
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { buildFromFolder, datasetBuilder, datasets, type Progress } from '@tessera/datasets';
import { commandLine, fromCaller, runCommand, toCaller, UsageError } from './lib/command.ts';
import { datasetRoot, isKnownDataset } from './lib/datasets.ts';
import { ProgressBar } from './lib/progress-bar.ts';

const readOptions = () =>
  commandLine('build-dataset')
    .command(
      '$0 <source>',
      `Makes a data set: by name (${Object.keys(datasets).join(', ')}), or from a folder of images with captions or classes.`,
    )
    .positional('source', { type: 'string', demandOption: true, describe: 'A name, or a folder' })
    .options({
      out: { type: 'string', describe: 'Where to write it [default: datasets/built/NAME]' },
      overwrite: { type: 'boolean', default: false, describe: 'Replace a data set that is there already' },
      captions: {
        type: 'string',
        describe: 'Folder: the file with the captions, if it is not captions.* or metadata.*',
      },
      'image-column': { type: 'string', describe: 'Folder: the column that names the image files' },
      'caption-column': { type: 'string', describe: 'Folder: the column with the captions' },
      'test-share': { type: 'number', describe: 'Folder: share of the images for the split test [default: 0.1]' },
      'max-size': { type: 'number', describe: 'Folder: larger images are stored with this shorter side' },
      strict: { type: 'boolean', default: false, describe: 'Folder: stop at an image that cannot be decoded' },
      license: { type: 'string', describe: 'Folder: what the data set says about its licence' },
    })
    .example('$0 emoji', 'the data set that npm run train uses')
    .example('$0 my-pictures', 'my-pictures/captions.csv with the columns image and caption, or .jsonl')
    .example('$0 my-classes --out data/animals', 'my-classes/cat/*.jpg, my-classes/dog/*.jpg: a folder for each class')
    .epilogue(
      'Captions: a CSV, TSV or JSONL file names each image and its caption; several rows of one image, or a list in JSONL, give it several. ' +
        'Folders train and test, or a column split, make splits; otherwise a tenth of the images becomes the split test.\n' +
        'Then: npm run train -- --data DIR, or npm run train -- --task classify --data DIR.',
    )
    .parseAsync();

async function main(): Promise<number | undefined> {
  const options = await readOptions();
  const { source, overwrite } = options;
  const bar = new ProgressBar();
  const onProgress = ({ what, done, total }: Progress): void =>
    bar.update(done / total, [`${what}: ${done} of ${total}`]);
  const named = isKnownDataset(source);
  const target =
    options.out === undefined
      ? join(datasetRoot, named ? source : basename(fromCaller(source)))
      : fromCaller(options.out);
  const fresh = { overwrite, onProgress };
  if (named) {
    const builder = datasetBuilder(source);
    const problem = await builder.unavailable();
    if (problem !== null) throw new UsageError(problem);
    const { splits } = await builder.build(target, fresh);
    bar.finish();
    printReport(target, splits);
    console.log(`licence: ${builder.license}`);
    return;
  }
  const folder = fromCaller(source);
  if (!(await stat(folder).catch(() => null))?.isDirectory())
    throw new UsageError(`${source}: neither a folder, nor one of ${Object.keys(datasets).join(', ')}`);
  const { captions, imageColumn, captionColumn, testShare, maxSize, strict, license } = options;
  const given = Object.entries({ captions, imageColumn, captionColumn, testShare, maxSize, license });
  const report = await buildFromFolder(folder, target, {
    ...fresh,
    strict,
    ...Object.fromEntries(given.filter(([, value]) => value !== undefined)),
  });
  bar.finish();
  for (const { file, reason } of report.skipped.slice(0, 10)) console.log(`left out: ${file}: ${reason}`);
  if (report.skipped.length > 10) console.log(`left out: ${report.skipped.length - 10} more`);
  printReport(target, report.splits);
  if (report.kind === 'classes') console.log(`classes: ${report.classes.join(', ')}`);
  const task = report.kind === 'classes' ? '--task classify ' : '';
  console.log(`\nto train on it:\n  npm run train -- ${task}--data ${toCaller(target)}`);
  return;
}

function printReport(target: string, splits: Readonly<Record<string, number>>): void {
  console.log(
    `${toCaller(target)}: ${Object.entries(splits)
      .map(([name, rows]) => `${name} ${rows}`)
      .join(', ')}`,
  );
}

await runCommand(main);
