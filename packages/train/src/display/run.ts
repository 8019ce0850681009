/** The curves of a run in a notebook. */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { type MetricsRecord, readMetrics } from '../loop/metrics-file.ts';
import { formatValue } from '../report/chart/tools.ts';
import { drawCharts } from '../report/curve-drawing.ts';
import { type Chart, type CurveChoice, evaluationCharts, stepCharts } from '../report/curves.ts';
import { lookOf } from '../report/looks.ts';
import { findRun, RunFolder } from '../run-folder/run-folder.ts';
import { Shown } from './shown.ts';

export interface RunOptions {
  /** The curves that are drawn, by their names in metrics.jsonl, such as `loss` or `top1`. Default: all except those of the machine. */
  readonly curves?: readonly string[];
  /** Charts in a row. Default 2. */
  readonly columns?: number;
}

/**
 * The curves of a run, finished or not, as one drawing: those of the report.
 *
 *     displayRun('runs/first');
 *     displayRun('runs/first', { curves: ['loss', 'top1'] });
 *
 * @param path the run's folder, or one of its checkpoints
 */
export function displayRun(path: string, { curves, columns = 2 }: RunOptions = {}): Shown {
  if (!Number.isInteger(columns) || columns < 1)
    throw new RangeError(`displayRun: columns must be a whole number of at least 1, got ${columns}`);
  return new Shown(async () => {
    const folder = await findRun(path);
    if (folder === null) throw new Error(await missing(path));
    const records = await readMetrics(folder.metrics);
    const charts = curves === undefined ? usualCharts(records) : chosenCharts(records, curves, folder.metrics);
    const name = basename(folder.path);
    if (charts.length === 0) return { 'text/plain': `run ${name}: no step has been recorded yet` };
    return {
      'text/plain': [`run ${name}`, ...charts.map(describe)].join('\n'),
      'image/svg+xml': drawCharts(charts, columns).text,
    };
  });
}

async function missing(path: string): Promise<string> {
  const exists = (await stat(path).catch(() => null)) !== null;
  const { config } = new RunFolder(path);
  return exists
    ? `displayRun: ${path} is not in a run's folder: there is no ${config}`
    : `displayRun: ${path}: there is no such run`;
}

const isUsual =
  (kind: 'step' | 'evaluation'): CurveChoice =>
  (name) =>
    lookOf(kind, name).group !== 'machine';

const usualCharts = (records: readonly MetricsRecord[]): Chart[] => [
  ...stepCharts(records, isUsual('step')),
  ...evaluationCharts(records, isUsual('evaluation')),
];

function chosenCharts(records: readonly MetricsRecord[], curves: readonly string[], path: string): Chart[] {
  const found = new Set<string>();
  const isChosen: CurveChoice = (name) => {
    found.add(name);
    return curves.includes(name);
  };
  const charts = [...stepCharts(records, isChosen), ...evaluationCharts(records, isChosen)];
  const unknown = curves.filter((name) => !found.has(name));
  if (unknown.length > 0)
    throw new Error(
      `displayRun: ${path} has no curve ${unknown.join(', ')}; it has ${found.size === 0 ? 'none yet' : [...found].sort().join(', ')}`,
    );
  return charts;
}

/** The last values of a chart's curves. */
function describe({ title, xLabel, x, series, format }: Chart): string {
  const values = series.map(({ label, y }) => {
    const at = y.findLastIndex((value) => value !== null);
    return `${label} ${formatValue(y[at], format)}${at < 0 ? '' : ` (${xLabel} ${x[at]})`}`;
  });
  return `${title}: ${values.join(', ')}`;
}
