/** The results of a sweep, and the runs that it would train, as text for the terminal. */
import { describeSweep, meanText, type SweepPlan, type SweepResults, timeText, valueText } from '@tessera/train/sweep';
import { formatTable } from '../table.ts';

/** The configurations, the best first, with the settings that vary. */
export function formatSweep(results: SweepResults): string {
  const { configurations, parameters, metric, method } = results;
  const withEpochs = method === 'successive-halving';
  const seeds = Math.max(...configurations.map(({ runs }) => runs.length));
  const headings = [
    ...['rank', ...parameters.map(({ label }) => label)],
    seeds > 1 ? `${metric.name}, mean ± std of ${seeds}` : metric.name,
    ...(withEpochs ? ['epochs'] : []),
    ...['time', ''],
  ];
  const rows = configurations.map((one) => {
    const failed = one.runs.filter(({ status }) => status === 'failed').length;
    const waiting = one.runs.filter(({ status }) => status === 'waiting').length;
    const notes = [failed > 0 ? `${failed} failed` : '', waiting > 0 ? `${waiting} not finished` : ''];
    return [
      ...[String(one.rank), ...parameters.map(({ key }) => valueText(one.settings[key]))],
      ...[meanText(one), ...(withEpochs ? [String(one.epochs)] : [])],
      ...[timeText(one.seconds), notes.filter((note) => note !== '').join(', ')],
    ];
  });
  const hasNotes = rows.some((row) => row.at(-1) !== '');
  const cut = (row: readonly string[]): readonly string[] => (hasNotes ? row : row.slice(0, -1));
  return `${describeSweep(results)}\n\n${formatTable(cut(headings), rows.map(cut))}`;
}

/** The most folders that are named for one message. */
const mostFolders = 3;

/** A line for each different message of failed runs, with their folders. */
export function formatFailures({ configurations }: SweepResults): string[] {
  const failed = configurations.flatMap(({ runs }) => runs.filter(({ status }) => status === 'failed'));
  return [...Map.groupBy(failed, ({ message }) => message)].map(([message, runs]) => {
    const folders = runs.slice(0, mostFolders).map(({ folder }) => folder);
    const more = runs.length > mostFolders ? ` and ${runs.length - mostFolders} more` : '';
    return `${runs.length === 1 ? '1 run' : `${runs.length} runs`} failed: ${message}\n  ${folders.join(', ')}${more}`;
  });
}

/** The runs of a plan, in the order in which they are trained. */
export function formatPlan({ configurations, rungs, definition }: SweepPlan, results: SweepResults): string {
  const { parameters } = results;
  const status = new Map(results.configurations.flatMap(({ runs }) => runs.map((run) => [run.folder, run])));
  const rows = configurations.flatMap(({ number, assignment, runs }) =>
    runs.map(({ seed, folder, config }) => {
      const run = status.get(folder);
      return [
        ...[String(number), ...parameters.map(({ key }) => valueText(assignment[key]))],
        ...[
          String(seed),
          String(Math.min(rungs[0]?.epochs ?? 0, config.training.epochs)),
          run?.status ?? 'waiting',
          folder,
        ],
      ];
    }),
  );
  const headings = ['configuration', ...parameters.map(({ label }) => label), 'seed', 'epochs', 'status', 'folder'];
  const promotions = rungs.map(({ configurations: count, epochs }) => `${count} to epoch ${epochs}`).join(', ');
  const runs = configurations.reduce((sum, one) => sum + one.runs.length, 0);
  return [
    describeSweep(results),
    `${runs} runs: ${configurations.length} configurations with ${runs / configurations.length} seed${runs === configurations.length ? '' : 's'} each`,
    ...(definition.method === 'successive-halving' ? [`rungs: ${promotions}`] : []),
    '',
    formatTable(headings, rows),
  ].join('\n');
}
