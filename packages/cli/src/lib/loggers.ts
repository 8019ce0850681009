/** The options of train that log a run elsewhere, and the loggers that they ask for. */
import { basename, join } from 'node:path';
import { CSVLogger, type Logger, type RunFolder, registeredLoggers, TensorBoardLogger } from '@tessera/train';
import { fromCaller } from './call.ts';

export const loggerOptions = {
  tensorboard: {
    type: 'string',
    describe:
      "Write event files for TensorBoard: into a folder DIR/NAME-OF-THE-RUN, or without a value into tensorboard/ in the run's folder",
  },
  csv: {
    type: 'string',
    describe:
      "Write all metrics as CSV at the end: into this file, or without a value into metrics.csv in the run's folder",
  },
} as const;

interface LoggerCall {
  readonly tensorboard: string | undefined;
  readonly csv: string | undefined;
}

/** The folder of a run's event files; null: none. An option without a value is an empty text. */
export const eventFolder = ({ tensorboard }: LoggerCall, { path }: RunFolder): string | null => {
  if (tensorboard === undefined) return null;
  return tensorboard === '' ? join(path, 'tensorboard') : join(fromCaller(tensorboard), basename(path));
};

/** The loggers that the options ask for, and those of the user's modules. */
export const loggersOf = (options: LoggerCall, folder: RunFolder): Logger[] => {
  const { csv } = options;
  const events = eventFolder(options, folder);
  return [
    ...(events === null ? [] : [new TensorBoardLogger(events)]),
    ...(csv === undefined ? [] : [csv === '' ? new CSVLogger() : new CSVLogger(fromCaller(csv))]),
    ...registeredLoggers(folder.path),
  ];
};

/** Options that a command must repeat to continue a run. */
export const repeatedOptions = ({ tensorboard, csv }: LoggerCall): string =>
  Object.entries({ tensorboard, csv })
    .map(([name, value]) => (value === undefined ? '' : ` --${name}${value === '' ? '' : ` ${value}`}`))
    .join('');
