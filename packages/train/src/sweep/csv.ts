/** The results of a sweep as a table for spreadsheets and data frames: `results.csv`, with a line for each run. */
import type { SweepResults } from './results.ts';

/** A field of CSV (RFC 4180): quoted where it contains a comma, a quote or a line break. */
function field(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'string' ? value : typeof value === 'number' ? String(value) : JSON.stringify(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

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
  return `${[[...heading, 'folder', 'message'], ...lines].map((line) => line.map(field).join(',')).join('\n')}\n`;
}
