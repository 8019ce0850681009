/** One run: how it is doing, its curves, results, pictures and settings. */
import { type Library, paths, type RunDetail, type RunSummary } from '../../../shared/api.ts';
import { runColor, useTheme } from '../../chart/colors.ts';
import { ChartGroups } from '../../parts/chart-groups.tsx';
import { Problem } from '../../parts/problem.tsx';
import { ProgressLine, StatusSign, statusWords } from '../../parts/status.tsx';
import { chosenTab, Tabs } from '../../parts/tabs.tsx';
import { Toolbar } from '../../parts/toolbar.tsx';
import { useAddress } from '../../state/address.ts';
import { runTabs } from '../../state/address-text.ts';
import { useAnswer } from '../../state/answer.ts';
import { getJson, urlOf } from '../../state/fetch.ts';
import { Pictures } from './pictures.tsx';
import { Report } from './report.tsx';
import { RunSettings } from './settings.tsx';
import { Tiles } from './tiles.tsx';

const labels = { curves: 'Curves', results: 'Results', pictures: 'Pictures', settings: 'Settings' } as const;

export function RunView({ id, library }: { readonly id: string; readonly library: Library }) {
  const run = library.runs.find((one) => one.id === id);
  return run === undefined ? (
    <p class="empty">
      There is no run {id} in {library.root}. It may have been renamed or deleted.
    </p>
  ) : (
    <KnownRun run={run} library={library} />
  );
}

function KnownRun({ run, library }: { readonly run: RunSummary; readonly library: Library }) {
  const { tab } = useAddress();
  const theme = useTheme();
  const place = library.runs.indexOf(run);
  const { value: detail, problem } = useAnswer(`${run.id} ${run.picturesVersion} ${run.started}`, () =>
    getJson<RunDetail>(paths.run, { run: run.id }),
  );
  const view = chosenTab(runTabs, tab);
  return (
    <main class="single">
      <h1>{run.name}</h1>
      <p class="subtitle">
        <StatusSign status={run.status} /> {statusWords(run.status)}
        {run.title !== null && !run.name.startsWith(run.title) && ` · ${run.title}`}
        {run.task !== null && ` · ${run.task}`}
        {run.dataset !== null && ` on ${run.dataset}`}
        <span class="muted path"> {detail?.folder ?? run.id}</span>
      </p>
      <ProgressLine run={run} />
      <Problem text={run.problem ?? problem} />
      <Tiles run={run} />
      <Tabs names={runTabs} labels={labels} chosen={view} />
      {view === 'curves' ? (
        <>
          <Toolbar note="Drag over a chart to zoom in, double-click to see all.">
            <span class="grow" />
            {run.step > 0 && (
              <a class="quiet button" href={urlOf(paths.table, { run: run.id })} download>
                Save as CSV
              </a>
            )}
          </Toolbar>
          <ChartGroups runs={[{ run, color: runColor(place, theme) }]} highlighted={null} />
        </>
      ) : view === 'results' ? (
        <Report run={run} written={detail?.report ?? null} isKnown={detail !== null} />
      ) : view === 'pictures' ? (
        <Pictures run={run} pictures={detail?.pictures ?? null} />
      ) : (
        <RunSettings detail={detail} />
      )}
    </main>
  );
}
