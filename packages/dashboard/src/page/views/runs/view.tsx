/** The runs: a list, and the chosen ones compared. */
import { useState } from 'preact/hooks';
import type { Library } from '../../../shared/api.ts';
import { runColor, useTheme } from '../../chart/colors.ts';
import { ChartGroups } from '../../parts/chart-groups.tsx';
import { chosenTab, Tabs } from '../../parts/tabs.tsx';
import { Toolbar } from '../../parts/toolbar.tsx';
import { useAddress } from '../../state/address.ts';
import { runsTabs } from '../../state/address-text.ts';
import { chosenRuns } from './choice.ts';
import { RunList } from './list.tsx';
import { SettingsTable } from './settings.tsx';
import { ResultsTable } from './table.tsx';

const labels = { curves: 'Curves', table: 'Best values', settings: 'Settings' } as const;

export function RunsView({ library }: { readonly library: Library }) {
  const { runs: asked, tab } = useAddress();
  const theme = useTheme();
  const [highlighted, setHighlighted] = useState<string | null>(null);
  const colors = new Map(library.runs.map(({ id }, place) => [id, runColor(place, theme)]));
  const chosen = chosenRuns(library.runs, asked);
  const shown = chosen.map((run) => ({ run, color: colors.get(run.id) ?? 'gray' }));
  const view = chosenTab(runsTabs, tab);
  if (library.runs.length === 0)
    return (
      <p class="empty">
        There are no runs in {library.root} yet. Start one with <code>npm run train</code>: it appears here.
      </p>
    );
  return (
    <div class="with-list">
      <RunList library={library} chosen={chosen} colors={colors} onPoint={setHighlighted} />
      <main>
        <Tabs names={runsTabs} labels={labels} chosen={view} />
        {shown.length === 0 ? (
          <p class="empty">Choose runs in the list to compare them.</p>
        ) : view === 'curves' ? (
          <>
            <Toolbar note="Drag over a chart to zoom in, double-click to see all." />
            <ChartGroups runs={shown} highlighted={highlighted} />
          </>
        ) : view === 'table' ? (
          <ResultsTable runs={shown} />
        ) : (
          <SettingsTable runs={shown} />
        )}
      </main>
    </div>
  );
}
