/** The results of a sweep as a table for spreadsheets and data frames: `results.csv`, with a line for each run. */
import { csvLine } from '../loggers/csv/line.ts';
import type { SweepResults } from './results.ts';

/** The best configuration first. `mean` and `std` belong to the configuration, all after `seed` but these to the run. */
export function formatCsv({ configurations, parameters, metric }: SweepResults): string {
  const keys = parameters.map(({ key }) => key);
  const heading = [
    'rank',
    'configuration',
    ...keys,
    'seed',
    'status',
    'epochs',
    'steps',
    metric.name,
    'mean',
    'std',
    'seconds',
  ];
  const lines = configurations.flatMap(({ rank, number, settings, mean, std, runs }) =>
    runs.map(({ seed, status, epochs, steps, value, seconds, folder, message }) => [
      ...[rank, number, ...keys.map((key) => settings[key])],
      ...[seed, status, epochs, steps, value, mean, std, seconds, folder, message],
    ]),
  );
  return [[...heading, 'folder', 'message'], ...lines].map(csvLine).join('');
}
