/** Options that the commands of `tessera data` share, and how their values are read. */
import { duplicateKinds, type WriteFormatName } from '@tessera/data/tools';
import { UsageError } from '../command.ts';
import { ProgressBar } from '../progress-bar.ts';

/** Names with commas between them; the option may be repeated. */
const names = (values: string | readonly string[]): string[] =>
  [values]
    .flat()
    .flatMap((text) => text.split(',').map((name) => name.trim()))
    .filter((name) => name !== '');

/** The whole number that an option has. @throws UsageError for anything else */
export function wholeNumber(option: string, value: string | undefined, least = 1): number | undefined {
  if (value === undefined) return undefined;
  // An option that is given twice is a list.
  const number = String(value).trim() === '' ? Number.NaN : Number(value);
  if (!Number.isSafeInteger(number) || number < least)
    throw new UsageError(`--${option} ${value}: expected a whole number from ${least} on`);
  return number;
}

const number = (describe: string) => ({ type: 'string', describe, requiresArg: true }) as const;

export const splitOption = {
  split: {
    type: 'string',
    describe: 'Only these splits; names with commas between them [default: all]',
    coerce: names,
    requiresArg: true,
  },
} as const;

export const selectOptions = {
  where: {
    type: 'string',
    describe: 'Only rows that meet a condition on their columns, such as "similarity > 0.28 and width >= 200"',
    coerce: (values: string | readonly string[]): string =>
      typeof values === 'string' ? values : values.map((each) => `(${each})`).join(' and '),
    requiresArg: true,
  },
  columns: {
    type: 'string',
    describe: 'Only these columns; names with commas between them [default: all that can be read]',
    coerce: names,
    requiresArg: true,
  },
  sample: number('So many random rows of each split'),
  limit: number('The first so many rows of each split'),
  seed: number('For --sample [default: 0]'),
} as const;

export const writeOptions = {
  to: {
    type: 'string',
    choices: ['arrow', 'parquet', 'tar'] satisfies WriteFormatName[],
    describe: 'Format to write [default: by the ending of OUT; arrow for a folder]',
  },
  'rows-per-file': number('Rows of each file [default: up to about 500 MB]'),
  'rows-per-group': number('Rows of each row group or record batch [default: up to 1000 rows; Parquet: or 32 MiB]'),
  overwrite: { type: 'boolean', default: false, describe: 'Replace an existing OUT, if it is a file or a dataset' },
  'skip-damaged': {
    type: 'boolean',
    default: false,
    describe: 'Leave out rows in damaged parts of files, and count them [default: the first one is an error]',
  },
} as const;

export const inspectOptions = {
  rows: number('Rows of each split that are read for the statistics [default: 2000]'),
  all: { type: 'boolean', default: false, describe: 'Read all rows' },
  out: {
    type: 'string',
    describe: 'Draw some rows: a file that ends in .png, or a folder for samples.png and statistics.json',
    requiresArg: true,
  },
  samples: number('Rows of each split that are drawn [default: 24]'),
  json: { type: 'boolean', default: false, describe: 'Print JSON' },
  overwrite: { type: 'boolean', default: false, describe: 'Replace the files of --out' },
} as const;

export const dedupOptions = {
  by: {
    type: 'string',
    choices: duplicateKinds,
    default: 'image' as const,
    describe: 'What makes two rows duplicates: their image, their caption, both, or the name of the row',
  },
  distance: number('Bits of 64 in which the hashes of similar images may differ, 0 to 16 [default: 4]'),
  exact: { type: 'boolean', default: false, describe: 'Only equal files are duplicates, similar images are not' },
  key: {
    type: 'string',
    describe: 'For --by key: its column [default: __key__, key, id, url or path]',
    requiresArg: true,
  },
  against: {
    type: 'string',
    describe: 'A dataset whose rows are removed from URL, for instance a test set',
    requiresArg: true,
  },
  within: {
    type: 'boolean',
    default: true,
    describe: 'Remove rows that repeat others of URL; --no-within: only those that are in --against',
  },
  report: {
    type: 'string',
    describe: 'The list of removed rows, .csv or .json [default: OUT.duplicates.csv]',
    requiresArg: true,
  },
} as const;

/** The options of writing as they were given. */
export interface WriteArguments {
  readonly to: WriteFormatName | undefined;
  readonly overwrite: boolean;
  readonly skipDamaged: boolean;
  readonly rowsPerFile: string | undefined;
  readonly rowsPerGroup: string | undefined;
}

/** The options of what is written, with their numbers. @throws UsageError */
export const writing = ({ to, overwrite, skipDamaged, rowsPerFile, rowsPerGroup }: WriteArguments) => ({
  to,
  overwrite,
  skipDamaged,
  rowsPerFile: wholeNumber('rows-per-file', rowsPerFile),
  rowsPerGroup: wholeNumber('rows-per-group', rowsPerGroup),
});

type Given<Options> = { [Name in keyof Options]: Exclude<Options[Name], undefined> };

/** The options that were given, without those that were not. */
export const given = <Options extends object>(options: Options): Partial<Given<Options>> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<Given<Options>>;

/** A progress bar on stderr for the tools. */
export function progress(): {
  readonly bar: ProgressBar;
  readonly onProgress: (progress: { what: string; done: number; total: number }) => void;
} {
  const bar = new ProgressBar();
  let last = 0;
  return {
    bar,
    onProgress({ what, done, total }) {
      const now = performance.now();
      // Rows are much faster than a terminal.
      if (done < total && now - last < 100) return;
      last = now;
      bar.update(total === 0 ? 1 : done / total, [
        `${what}: ${done.toLocaleString('en')} of ${total.toLocaleString('en')}`,
      ]);
    },
  };
}
