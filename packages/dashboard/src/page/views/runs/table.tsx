/** The best value of each measure for each run, as a table that can be sorted and saved. */
import { formatValue } from '@tessera/train/charts';
import { useState } from 'preact/hooks';
import { type EvaluationsRequest, type EvaluationsResponse, paths } from '../../../shared/api.ts';
import { whole } from '../../chart/format.ts';
import type { ShownRun } from '../../parts/chart-series.ts';
import { Problem } from '../../parts/problem.tsx';
import { StatusSign } from '../../parts/status.tsx';
import { Table } from '../../parts/table.tsx';
import { freshView, linkTo } from '../../state/address.ts';
import { useAnswer } from '../../state/answer.ts';
import { postJson } from '../../state/fetch.ts';
import { bestOf, formatCsv, isBestOfAll, measuresOf, type Reached, splitsOf } from './best.ts';

interface Row {
  readonly shown: ShownRun;
  readonly best: readonly (Reached | null)[];
}

function save(name: string, text: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

export function ResultsTable({ runs }: { readonly runs: readonly ShownRun[] }) {
  const [split, setSplit] = useState<string | null>(null);
  const [sortedBy, setSortedBy] = useState<string | null>(null);
  const { value, problem } = useAnswer(runs.map(({ run }) => `${run.id} ${run.version}`).join('\n'), () =>
    postJson<EvaluationsRequest, EvaluationsResponse>(paths.evaluations, { runs: runs.map(({ run }) => run.id) }),
  );
  const points = new Map(value?.runs.map((one) => [one.id, one.points]) ?? []);
  const splits = splitsOf(points.values());
  const chosen = splits.find((name) => name === split) ?? splits[0] ?? '';
  const columns = measuresOf(points.values(), chosen);
  const rows = runs.map((shown): Row => {
    const own = points.get(shown.run.id) ?? [];
    return { shown, best: columns.map((column) => bestOf(own, chosen, column)) };
  });
  const place = columns.findIndex(({ name }) => name === sortedBy);
  const sign = columns[place]?.look.better === 'lower' ? 1 : -1;
  const sorted =
    place < 0
      ? rows
      : rows.toSorted((a, b) => {
          const [first, second] = [a.best[place]?.value, b.best[place]?.value];
          if (first === undefined || second === undefined)
            return Number(first === undefined) - Number(second === undefined);
          return sign * (first - second);
        });
  const asCsv = (): string =>
    formatCsv([
      ['run', 'step', 'training loss', ...columns.flatMap(({ name }) => [`best ${name}`, 'at step'])],
      ...sorted.map(({ shown: { run }, best }) => [
        run.id,
        run.step,
        run.last.loss ?? null,
        ...best.flatMap((one) => [one?.value ?? null, one?.step ?? null]),
      ]),
    ]);
  return (
    <section>
      <Problem text={problem} />
      <div class="toolbar">
        {splits.length > 1 && (
          <label>
            Split{' '}
            <select value={chosen} onChange={(event) => setSplit(event.currentTarget.value)}>
              {splits.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        )}
        <span class="muted note">
          {columns.length === 0
            ? 'These runs have not been evaluated yet.'
            : `Best values on ${chosen}, and the steps after which they were reached.`}
        </span>
        <span class="grow" />
        <button type="button" class="quiet" onClick={() => save('best-values.csv', asCsv())}>
          Save as CSV
        </button>
      </div>
      <Table
        kind="results"
        heading={
          <>
            <th scope="col">Run</th>
            <th scope="col">Steps</th>
            <th scope="col">Training loss</th>
            {columns.map(({ name, look }) => (
              <th
                scope="col"
                key={name}
                aria-sort={sortedBy === name ? (look.better === 'lower' ? 'ascending' : 'descending') : 'none'}
              >
                <button
                  type="button"
                  class="fold"
                  title={name}
                  onClick={() => setSortedBy(sortedBy === name ? null : name)}
                >
                  {look.title}
                  {sortedBy === name ? (look.better === 'lower' ? ' ↑' : ' ↓') : ''}
                </button>
              </th>
            ))}
          </>
        }
      >
        {sorted.map(({ shown: { run, color }, best }) => (
          <tr key={run.id}>
            <th scope="row">
              <a {...linkTo({ ...freshView, run: run.id })} title={run.id}>
                <i class="swatch" style={{ background: color }} />
                {run.name}
              </a>{' '}
              <StatusSign status={run.status} />
            </th>
            <td>{whole(run.step)}</td>
            <td>{formatValue(run.last.loss, 'number')}</td>
            {columns.map((column, k) => {
              const one = best[k] ?? null;
              const all = rows.map((row) => row.best[k]?.value ?? null);
              return (
                <td key={column.name} class={one !== null && isBestOfAll(one.value, all, column) ? 'best' : ''}>
                  {formatValue(one?.value, column.look.format)}
                  {one !== null && <span class="muted at">at {whole(one.step)}</span>}
                </td>
              );
            })}
          </tr>
        ))}
      </Table>
    </section>
  );
}
