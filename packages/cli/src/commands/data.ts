/** tessera data: looks at datasets, converts them, selects rows, and removes duplicates. */
import { closestName } from '@tessera/nn';
import { callOf } from '../lib/call.ts';
import { commandLine, UsageError } from '../lib/command.ts';
import {
  dedupOptions,
  given,
  inspectOptions,
  selectOptions,
  splitOption,
  wholeNumber,
  writeOptions,
  writing,
} from '../lib/data/arguments.ts';
import { copyCommand } from '../lib/data/copy.ts';
import { dedupCommand } from '../lib/data/dedup.ts';
import { inspectCommand } from '../lib/data/inspect.ts';

const commands = ['inspect', 'convert', 'select', 'dedup'];

const source = {
  type: 'string',
  demandOption: true,
  describe: 'What --data reads: the name of a dataset, a folder, a file, a pattern or an address',
} as const;
const target = {
  type: 'string',
  demandOption: true,
  describe: 'A folder; or one file that ends in .parquet or .tar',
} as const;

/** Reads the arguments. @returns what the command does */
async function readCommand(args: readonly string[]): Promise<() => Promise<number>> {
  const [first] = args;
  if (first !== undefined && !first.startsWith('-') && !commands.includes(first)) {
    const near = closestName(first, commands);
    throw new UsageError(
      `there is no command ${first}; the commands are ${commands.join(', ')}${near === undefined ? '' : `; did you mean ${near}?`}`,
    );
  }
  let run: (() => Promise<number>) | null = null;
  await commandLine('data', args)
    .usage('$0 COMMAND: looks at datasets and writes them. $0 COMMAND --help explains a command.')
    .command(
      'inspect <url>',
      'Prints what is in a dataset: columns, sizes, captions, classes, duplicates; draws some of its rows',
      (parser) =>
        parser
          .positional('url', source)
          .options({ ...splitOption, ...inspectOptions })
          .example('$0 inspect my-pictures --out samples.png', 'a table, and a contact sheet')
          .example("$0 inspect 's3://bucket/cc12m/*.tar' --rows 500 --json", 'JSON, from 500 rows of each split'),
      ({ url, ...options }) => {
        run = () => inspectCommand(url, options);
      },
    )
    .command(
      'convert <url> <out>',
      'Writes a dataset in another format. Pictures are copied byte by byte',
      (parser) =>
        parser
          .positional('url', source)
          .positional('out', target)
          .options({ ...splitOption, where: selectOptions.where, columns: selectOptions.columns, ...writeOptions })
          .example("$0 convert 'data/{00000..00331}.tar' cc3m --to parquet", 'webdataset to Parquet, as on the hub')
          .example('$0 convert datasets/built/emoji emoji-tars --to tar --rows-per-file 10000', 'to webdataset')
          .example('$0 convert hf://datasets/USER/NAME test.parquet --split test', 'one split as one file'),
      ({ url, out, split, where, columns, ...rest }) => {
        const options = given({ splits: split, where, columns, ...writing(rest) });
        run = () => copyCommand(url, out, options);
      },
    )
    .command(
      'select <url> <out>',
      'Writes some of the rows and columns of a dataset, in any format',
      (parser) =>
        parser
          .positional('url', source)
          .positional('out', target)
          .options({ ...splitOption, ...selectOptions, ...writeOptions })
          .example("$0 select cc3m good --where 'similarity > 0.28 and width >= 200'", 'rows that meet a condition')
          .example("$0 select pets cats --where \"label in ('siamese', 'bengal')\"", 'some classes, by their names')
          .example('$0 select cc3m small.parquet --split train --sample 1000 --seed 1', '1,000 random rows'),
      ({ url, out, split, where, columns, sample, limit, seed, ...rest }) => {
        const rows = {
          sample: wholeNumber('sample', sample),
          limit: wholeNumber('limit', limit),
          seed: wholeNumber('seed', seed, 0),
        };
        const options = given({ splits: split, where, columns, ...rows, ...writing(rest) });
        run = () => copyCommand(url, out, options);
      },
    )
    .command(
      'dedup <url> <out>',
      'Writes a dataset without the rows that repeat an earlier one, and a list of them',
      (parser) =>
        parser
          .positional('url', source)
          .positional('out', target)
          .options({ ...splitOption, ...dedupOptions, where: selectOptions.where, columns: selectOptions.columns })
          .options(writeOptions)
          .example('$0 dedup my-pictures unique', 'equal and similar images; the first of them stays')
          .example('$0 dedup cc3m clean --against coco/test --no-within', 'removes what is in a test set'),
      ({ url, out, ...options }) => {
        run = () => dedupCommand(url, out, options);
      },
    )
    .demandCommand(1, `name a command: ${commands.join(', ')}`)
    .parseAsync();
  return run ?? (async () => 0);
}

/** The message for missing arguments says which they are. */
export async function main(args: readonly string[]): Promise<number> {
  const [name = ''] = args;
  try {
    return await (await readCommand(args))();
  } catch (error) {
    if (!(error instanceof UsageError) || !error.message.startsWith('Not enough non-option arguments')) throw error;
    const expected = name === 'inspect' ? 'URL' : 'URL OUT';
    throw new UsageError(`${name} needs ${expected}; ${callOf('data', `${name} --help`)} explains them`);
  }
}
