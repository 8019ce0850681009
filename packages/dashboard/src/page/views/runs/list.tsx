/** The list of runs: which there are, how they are doing, and which are compared. */
import { formatValue } from '@tessera/train/charts';
import type { Library, RunSummary } from '../../../shared/api.ts';
import { formatAgo, whole } from '../../chart/format.ts';
import { ProgressLine, StatusSign } from '../../parts/status.tsx';
import { freshView, go, linkTo, useAddress } from '../../state/address.ts';
import { listedRuns, type Order, orders } from './choice.ts';

const orderLabels: Readonly<Record<Order, string>> = {
  newest: 'Newest first',
  oldest: 'Oldest first',
  name: 'By name',
  loss: 'Smallest loss first',
};

interface RunListProps {
  readonly library: Library;
  readonly chosen: readonly RunSummary[];
  readonly colors: ReadonlyMap<string, string>;
  /** Called with the run under the pointer. */
  onPoint(id: string | null): void;
}

export function RunList({ library, chosen, colors, onPoint }: RunListProps) {
  const { find, sort } = useAddress();
  const order = orders.find((name) => name === sort) ?? 'newest';
  const listed = listedRuns(library.runs, find, order);
  const ids = new Set(chosen.map(({ id }) => id));
  const choose = (next: ReadonlySet<string>): void =>
    go({
      runs:
        next.size === library.runs.length ? 'all' : library.runs.filter(({ id }) => next.has(id)).map(({ id }) => id),
    });
  const toggle = (id: string): void => {
    const next = new Set(ids);
    if (!next.delete(id)) next.add(id);
    choose(next);
  };
  const isWide = matchMedia('(min-width: 860px)').matches;
  return (
    <details class="run-list" open={isWide}>
      <summary>
        Runs <span class="muted">{`${chosen.length} of ${library.runs.length} compared`}</span>
      </summary>
      <div class="list-tools">
        <input
          type="search"
          placeholder="Find runs (regular expression)"
          aria-label="Find runs"
          value={find}
          onInput={(event) => go({ find: event.currentTarget.value })}
        />
        <select
          aria-label="Order"
          value={order}
          onChange={(event) => go({ sort: event.currentTarget.value === 'newest' ? null : event.currentTarget.value })}
        >
          {orders.map((name) => (
            <option key={name} value={name}>
              {orderLabels[name]}
            </option>
          ))}
        </select>
        <div class="buttons">
          <button
            type="button"
            class="quiet small"
            onClick={() => choose(new Set([...ids, ...listed.map(({ id }) => id)]))}
          >
            {find === '' ? 'All' : 'Add found'}
          </button>
          <button type="button" class="quiet small" onClick={() => choose(new Set())}>
            None
          </button>
          <button type="button" class="quiet small" onClick={() => go({ runs: null })}>
            Latest
          </button>
        </div>
      </div>
      {library.sweeps.length > 0 && (
        <ul class="sweeps" aria-label="Sweeps">
          {library.sweeps.map(({ id, name, finished, runs, metric }) => (
            <li key={id}>
              <a {...linkTo({ ...freshView, sweep: id })}>{name}</a>
              <span class="muted">{` sweep, ${finished} of ${runs} runs, ${metric}`}</span>
            </li>
          ))}
        </ul>
      )}
      {listed.length === 0 && <p class="empty">No run has “{find}” in its name.</p>}
      <ul class="runs" aria-label="Runs">
        {listed.map((run) => (
          <RunRow
            key={run.id}
            run={run}
            color={colors.get(run.id) ?? 'gray'}
            isChosen={ids.has(run.id)}
            onToggle={toggle}
            onPoint={onPoint}
          />
        ))}
      </ul>
    </details>
  );
}

interface RunRowProps {
  readonly run: RunSummary;
  readonly color: string;
  readonly isChosen: boolean;
  onToggle(id: string): void;
  onPoint(id: string | null): void;
}

function RunRow({ run, color, isChosen, onToggle, onPoint }: RunRowProps) {
  const { id, name, title, status, step, totalSteps, last, updated, problem } = run;
  const facts = [
    step === 0
      ? 'no step yet'
      : `${whole(step)}${totalSteps === null || totalSteps === step ? '' : ` of ${whole(totalSteps)}`} steps`,
    ...(last.loss == null ? [] : [`loss ${formatValue(last.loss, 'number', 3)}`]),
    ...(updated === null || status === 'live' ? [] : [formatAgo(updated, Date.now())]),
  ];
  return (
    <li onMouseEnter={() => onPoint(isChosen ? id : null)} onMouseLeave={() => onPoint(null)}>
      <input
        type="checkbox"
        aria-label={`compare ${name}`}
        checked={isChosen}
        onChange={() => onToggle(id)}
        style={{ accentColor: color }}
      />
      <div class="run-words">
        <a {...linkTo({ ...freshView, run: id })} title={id}>
          {name}
        </a>
        <div class="muted facts-line">
          <StatusSign status={status} /> {facts.join(' · ')}
        </div>
        {(name !== id || (title !== null && !name.startsWith(title))) && (
          <div class="muted path">{[...(title === null ? [] : [title]), ...(name === id ? [] : [id])].join(' · ')}</div>
        )}
        <ProgressLine run={run} />
        {problem !== null && <div class="warning">{problem}</div>}
      </div>
    </li>
  );
}
